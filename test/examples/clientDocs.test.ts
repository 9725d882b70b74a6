import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { runCommandLine } from '../../src/cli/commandLine.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/clients.md'), 'utf8');
const guide = readFileSync(join(root, 'docs/schema-guide.md'), 'utf8');

/** The code blocks below the name of their file. */
const namedBlocks = (text: string) => [
  ...text.matchAll(/^`(examples\/clients\/\S+)`[^\n]*\n\n```\w+\n([\s\S]*?)^```$/gm),
];

test('every code block of docs/clients.md and of the schema guide is a file that a test executes', () => {
  const blocks = [...namedBlocks(page), ...namedBlocks(guide)];
  const tests = readdirSync(join(root, 'test/examples'))
    .map((name) => readFileSync(join(root, 'test/examples', name), 'utf8'))
    .join('');

  expect(namedBlocks(page)).toHaveLength([...page.matchAll(/^```\w+$/gm)].length);
  expect(namedBlocks(guide)).toHaveLength([...guide.matchAll(/^```ts$/gm)].length);
  for (const [, file = '', body] of blocks) {
    expect(body).toBe(readFileSync(join(root, file), 'utf8'));
    // The cache is imported by the clients, and what makes them resume.
    if (!/apolloCache|resumable/.test(file)) expect(tests).toContain(file.split('/').at(-1));
  }
});

test('the configuration for GraphQL Code Generator gives times and objects their types', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'codegen-'));
  let schema = '';
  const print = (text: string) => (schema += text);
  await runCommandLine(['schema'], { print, printError: print });
  mkdirSync(join(folder, 'src'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'schema.graphql'), schema);
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(
    join(folder, 'src/customer.graphql'),
    'query Card { customer(id: 1) { lastSeen customData } }',
  );
  const config = readFileSync(join(root, 'examples/clients/codegen.yml'), 'utf8');
  writeFileSync(join(folder, 'codegen.yml'), config);

  const command = join(root, 'node_modules/@graphql-codegen/cli/esm/bin.js');
  await promisify(execFile)(process.execPath, [command, '--config', 'codegen.yml'], {
    cwd: folder,
  });
  const types = readFileSync(join(folder, 'src/gql/graphql.ts'), 'utf8');
  rmSync(folder, { recursive: true });

  expect(types).toMatch(/lastSeen\??: string \| null/);
  expect(types).toMatch(/customData\??: Record<string, unknown> \| null/);
});

const tadaProgram = `
import { initGraphQLTada } from 'gql.tada';
import type { ResultOf } from 'gql.tada';
import type { introspection } from './graphql-env.d.ts';

const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { DateTime: string; JSONObject: Record<string, unknown> };
}>();
const query = graphql('query ($id: ID!) { chat(id: $id) { status createdAt customer { customData } } }');
type Chat = NonNullable<ResultOf<typeof query>['chat']>;
declare const chat: Chat;
export const createdAt: string | null = chat.createdAt;
export const customData: Record<string, unknown> | null | undefined = chat.customer?.customData;
// @ts-expect-error: the field can be null.
export const time: string = chat.createdAt;
// @ts-expect-error: the value does not exist.
export const isLost = chat.status === 'LOST';
`;

test('gql.tada infers the types of a query from the printed schema', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tada-'));
  let schema = '';
  const print = (text: string) => (schema += text);
  await runCommandLine(['schema'], { print, printError: print });
  const plugin = { name: 'gql.tada/ts-plugin', schema: './schema.graphql' };
  const compilerOptions = {
    ...{ module: 'nodenext', target: 'es2023', strict: true, noEmit: true, skipLibCheck: true },
    types: [],
    plugins: [{ ...plugin, tadaOutputLocation: './graphql-env.d.ts' }],
  };
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'schema.graphql'), schema);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.ts'] }),
  );
  writeFileSync(join(folder, 'program.ts'), tadaProgram);
  const run = (command: string, ...args: string[]) =>
    promisify(execFile)(process.execPath, [join(root, 'node_modules', command), ...args], {
      cwd: folder,
    });

  await run('gql.tada/bin/cli.js', 'generate-output');
  const { stdout } = await run('typescript/bin/tsc', '--project', '.').finally(() =>
    rmSync(folder, { recursive: true }),
  );

  expect(stdout).toBe('');
});
