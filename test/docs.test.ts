import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse as parseProgram } from '@swc/core';
import type { OperationDefinitionNode } from 'graphql';
import { Kind, OperationTypeNode, parse, validate } from 'graphql';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { runCommandLine } from '../src/cli/commandLine.ts';
import { createSchema } from '../src/graphql/schema/build.ts';
import { listSettings } from '../src/config/listSettings.ts';
import { startDemo } from './support/gateway.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const text = (file: string) => readFileSync(join(root, file), 'utf8');

const pages = [
  'README.md',
  ...readdirSync(root).filter((name) => /^[A-Z]+\.md$/.test(name) && name !== 'README.md'),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

interface Block {
  /** File, line and the first line of the block. */
  readonly name: string;
  readonly language: string;
  readonly body: string;
}

function blocksOf(file: string): readonly Block[] {
  const blocks: Block[] = [];
  const pattern = /^```(\S*).*\n([\s\S]*?)^```$/gm;
  const source = text(file);
  for (const { index, 1: language = '', 2: body = '' } of source.matchAll(pattern)) {
    const line = source.slice(0, index).split('\n').length;
    blocks.push({ name: `${file}:${line} ${body.split('\n')[0]?.slice(0, 60)}`, language, body });
  }
  return blocks;
}

const blocks = pages.flatMap(blocksOf);
const blocksIn = (...languages: readonly string[]) =>
  blocks
    .filter(({ language }) => languages.includes(language))
    .map(({ name, body, language }) => [name, body, language] as const);

const schema = createSchema([], { subgraph: { excludedRootFields: [] } });

let demo: Awaited<ReturnType<typeof startDemo>>;

beforeAll(async () => {
  demo = await startDemo();
});

afterAll(() => demo[Symbol.asyncDispose]());

/**
 * A GraphQL block contains operations, which are executed on the simulator, or types, which must parse. Two comments can precede an
 * operation: `# fails with CODE`, and `# variables: { … }` with JSON. Subscriptions are validated only.
 */
describe('every GraphQL block in the documentation is valid and has the documented result', () => {
  const operations = [
    ...blocksIn('graphql'),
    ...readdirSync(join(root, 'explorer/operations')).map(
      (name) =>
        [`explorer/operations/${name}`, text(`explorer/operations/${name}`), 'graphql'] as const,
    ),
  ];

  test.each(operations)('%s', async (_name, body) => {
    const document = parse(body);
    const definitions = document.definitions.filter(
      (definition): definition is OperationDefinitionNode =>
        definition.kind === Kind.OPERATION_DEFINITION,
    );
    if (definitions.length === 0) return;
    const code = /^# fails with (\w+)/m.exec(body)?.[1];
    const variables: unknown = JSON.parse(/^# variables: (.*)$/m.exec(body)?.[1] ?? '{}');

    expect(validate(schema, document).map(({ message }) => message)).toEqual([]);
    for (const { operation, name } of definitions) {
      if (operation === OperationTypeNode.SUBSCRIPTION) continue;
      const response = await fetch(`${demo.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: body, variables, operationName: name?.value }),
      });
      const { errors = [] }: any = await response.json();
      const codes: string[] = errors.map(({ extensions }: any) => extensions.code);
      expect(codes).toEqual(code === undefined ? [] : [code]);
    }
  });
});

const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(text('package.json')));

const run = promisify(execFile);

const shells = ['sh', 'bash', 'shell', 'console'];

/** Programs that no test runs, such as containers and services. */
const externalPrograms =
  /^(git|docker|podman|systemctl|sudo|kubectl|redis-server|apt-get|openssl|node|export|cd)\b/;

/** Commands of npm itself. */
const npmCommands = ['ci', 'install', 'audit', 'sbom', 'pack'];

/** Commands that start a server or call one; tests in `test/cli` and `test/main.test.ts` start them. */
const serverCommands = ['serve', 'simulator', 'mcp', 'export'];

/** Runs a command of the package and returns its problem; the exit code of `price` may be 1. */
async function problemOfRun(line: string): Promise<string | undefined> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, word]) => quoted ?? word ?? '',
  );
  let output = '';
  let errorOutput = '';
  const code = await runCommandLine(words, {
    print: (text) => (output += text),
    printError: (text) => (errorOutput += text),
  });
  const isSuccessful =
    errorOutput === '' && output !== '' && (code === 0 || line.startsWith('price'));
  return isSuccessful ? undefined : `exit code ${code}: ${errorOutput}`;
}

function problemOfScript(line: string): Promise<string | undefined> | string | undefined {
  const [, name = '', args = ''] = /^npm (?:run )?([\w:]+)(?: -- (.*))?$/.exec(line) ?? [];
  if (name === 'price') return problemOfRun(`price ${args}`);
  if (npmCommands.includes(name) || scripts[name] !== undefined) return undefined;
  return `package.json has no script "${name}"`;
}

function problemOfBin(args: string): Promise<string | undefined> | string | undefined {
  const [command = 'serve'] =
    args.startsWith('-') && !/--(help|version)/.test(args) ? [] : args.split(' ');
  if (serverCommands.includes(command) || command === '') return undefined;
  // It would call HelpCrunch.
  return problemOfRun(args.replace(' --connect', ''));
}

/** The first output of a command that does not end by itself. */
async function firstOutputOf(command: string): Promise<string> {
  const child = spawn('sh', ['-c', `exec ${command}`], { cwd: tmpdir() });
  const [output] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill();
  return output.toString();
}

async function problemOfRequest(line: string): Promise<string | undefined> {
  const command = line
    .replaceAll('http://127.0.0.1:4000', demo.url)
    .replace(/^curl /, 'curl -sS --fail-with-body ');
  if (command.includes('text/event-stream')) {
    const output = await firstOutputOf(command);
    return output.startsWith(':') ? undefined : `not an event stream: ${output.slice(0, 300)}`;
  }
  const { stdout } = await run('sh', ['-c', command], { cwd: tmpdir() });
  return stdout.includes('"errors":')
    ? `the response has errors: ${stdout.slice(0, 300)}`
    : undefined;
}

/** Runs a command line, or checks that another test does. Returns its problem. */
async function problemOf(line: string): Promise<string | undefined> {
  const [, assignments = '', command = ''] = /^((?:[A-Z][A-Z0-9_]*=\S* )*)(.*)$/s.exec(line) ?? [];
  const known = listSettings({}).map(({ name }) => name);
  const unknown = [...assignments.matchAll(/([A-Z0-9_]+)=/g)]
    .map(([, name = '']) => name)
    .filter((name) => !known.includes(name) && !name.startsWith('OTEL_'));
  if (unknown.length > 0) return `unknown setting: ${unknown.join(', ')}`;
  if (command.startsWith('npm ')) return problemOfScript(command);
  if (command.startsWith('npx helpcrunch-graphql')) return problemOfBin(command.slice(23));
  if (/^curl .*127\.0\.0\.1:4000/s.test(command)) return problemOfRequest(command);
  if (externalPrograms.test(command) || command === '') return undefined;
  return 'unknown command: run it in this test, or list it in externalPrograms';
}

describe('every command in the documentation works', () => {
  test.each(blocksIn(...shells))('%s', async (_name, body) => {
    const lines = body
      .replaceAll('\\\n', ' ')
      .split('\n')
      .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/ && /))
      .map((line) => line.trim());

    const problems = await Promise.all(
      lines.map(async (line) => {
        const problem = await problemOf(line);
        return problem === undefined ? [] : [`${line}: ${problem}`];
      }),
    );

    expect(problems.flat()).toEqual([]);
  });
});

const parseProgramText = (body: string) =>
  parseProgram(body, { syntax: 'typescript', tsx: true, target: 'es2022' });

/** Parsers of the other languages. */
const parsers: Readonly<Record<string, (body: string) => unknown>> = {
  json: (body) => JSON.parse(body),
  yaml: (body) => parseYaml(body),
  yml: (body) => parseYaml(body),
  ts: parseProgramText,
  tsx: parseProgramText,
  js: parseProgramText,
  jsx: parseProgramText,
};

describe('every other code block in the documentation can be parsed', () => {
  test.each(blocksIn(...Object.keys(parsers)))('%s', async (_name, body, language) => {
    await parsers[language]?.(body);
  });

  test('every code block has a known language', () => {
    const checked = ['graphql', ...shells, ...Object.keys(parsers)];
    // Diagrams and listings that are not checked.
    const unchecked = [
      'mermaid',
      'text',
      'http',
      'ini',
      'nginx',
      'dockerfile',
      'diff',
      'promql',
      'toml',
    ];
    const unknown = blocks.filter(({ language }) => ![...checked, ...unchecked].includes(language));

    expect(unknown.map(({ name, language }) => `${name}: "${language}"`)).toEqual([]);
  });
});

/** The anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

describe('every link in the documentation has a target', () => {
  test.each(pages)('%s', (page) => {
    const source = text(page).replaceAll(/^```[\s\S]*?^```$/gm, '');
    const links = [...source.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);

    const broken = links.filter((link) => {
      if (/^(https?|mailto):/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, target))) return true;
      if (anchor === undefined) return false;
      const headings = [...text(target).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        anchorOf(heading),
      );
      return !headings.includes(anchor);
    });

    expect(broken).toEqual([]);
  });

  test('every page is linked from the index', () => {
    const index = text('docs/README.md');
    const missing = pages.filter(
      (page) =>
        /^docs\/[\w-]+\.md$/.test(page) &&
        page !== 'docs/README.md' &&
        !index.includes(`(${page.slice(5)})`),
    );

    expect(missing).toEqual([]);
  });
});

test('every decision record is listed in its index under its title', () => {
  const folder = 'docs/decisions';
  const records = readdirSync(join(root, folder)).filter((name) => name !== 'README.md');
  const index = text(`${folder}/README.md`);

  const wrong = records.filter((name) => {
    const [, number, title = ''] = /^# (\d+)\. (.+)$/m.exec(text(`${folder}/${name}`)) ?? [];
    const slug = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
    return (
      name !== `${number?.padStart(4, '0')}-${slug}.md` || !index.includes(`[${title}](${name})`)
    );
  });

  expect(wrong).toEqual([]);
});

describe('SECURITY.md', () => {
  const named = [
    ...text('SECURITY.md').matchAll(/`(test\/[\w/.-]+\.test\.ts)`: ((?:`[^`]+`(?:, )?)+)/g),
  ].flatMap(([, file = '', names = '']) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => [file, name] as const),
  );

  test('SECURITY.md names tests for its threats', () => {
    expect(named.length).toBeGreaterThan(30);
  });

  test.each(named)('SECURITY.md names a test that exists: %s, %s', (file, name) => {
    expect(text(file)).toContain(name);
  });

  test('SECURITY.md names a test for every threat', () => {
    const rows = text('SECURITY.md')
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (threat|-)/.test(line));
    expect(rows.filter((row) => !row.includes('`test/'))).toEqual([]);
  });
});
