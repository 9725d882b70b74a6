import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { diff } from '@graphql-inspector/core';
import type { GraphQLSchema, IntrospectionQuery } from 'graphql';
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  lexicographicSortSchema,
  printSchema,
} from 'graphql';
import { runCommandLine } from '../../src/cli/commandLine.ts';
import { runSchema } from '../../src/cli/schema.ts';
import { readConfig } from '../../src/config/settings.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const clientsPage = await readFile(join(root, 'docs/clients.md'), 'utf8');

const upstream = await startRecordingUpstream();

afterAll(() => upstream[Symbol.asyncDispose]());

/** The output of a command that succeeds. */
async function run(line: string): Promise<string> {
  let output = '';
  const code = await runCommandLine(line.split(' '), {
    print(text) {
      output += text;
    },
    printError(text) {
      throw new Error(text);
    },
  });
  expect(code).toBe(0);
  return output;
}

const start = (environment: Readonly<Record<string, string>> = {}) =>
  startTestGateway({ upstream, config: readConfig({ PORT: '0', ...environment }) });

/** The schema as introspection shows it to a client. */
async function introspect({ query }: Awaited<ReturnType<typeof start>>): Promise<GraphQLSchema> {
  const { data } = await query<IntrospectionQuery>(
    getIntrospectionQuery({
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
    }),
  );
  return buildClientSchema(data);
}

const textOf = (schema: GraphQLSchema): string => printSchema(lexicographicSortSchema(schema));

const excluded = { SUBGRAPH_EXCLUDE_FIELDS: 'node,Mutation.markChatRead' };

describe('helpcrunch-graphql schema', () => {
  test('prints the schema of a running gateway, with its descriptions, defaults and specifications', async () => {
    await using gateway = await start();
    const file = buildSchema(await run('schema'));
    const running = await introspect(gateway);

    expect(textOf(file)).toBe(textOf(running));
    expect(textOf(file)).toMatch(
      /"""\nA time in UTC .*\n"""\nscalar DateTime @specifiedBy\(url: "https:/,
    );
    expect(textOf(file)).toContain('orderBy: ChatOrder = {direction: DESC, field: CREATED_AT}');
  });

  test('prints nothing of Federation', async () => {
    expect(await run('schema')).not.toMatch(
      /@(link|key|shareable|tag|inaccessible)\b|_entities|_service/,
    );
  });

  test('prints the introspection result of a running gateway with --json', async () => {
    await using gateway = await start();
    const file = buildClientSchema(JSON.parse(await run('schema --json')));

    expect(textOf(file)).toBe(textOf(await introspect(gateway)));
  });

  test('prints the SDL that the gateway serves to a router with --federation', async () => {
    await using gateway = await start({ SUBGRAPH: 'true', ...excluded });
    const { data } = await gateway.query('{ _service { sdl } }');
    let printed = '';
    runSchema(
      { federation: true, json: false, environment: excluded },
      { print: (text) => (printed += text), printError: () => undefined },
    );

    expect(printed.trim()).toBe(data._service.sdl.trim());
    expect(printed).toContain('@key(fields: "id")');
    expect(printed).not.toContain('markChatRead');
  });

  test('prints the introspection result of a subgraph with --federation --json', async () => {
    await using gateway = await start({ SUBGRAPH: 'true' });
    const file = buildClientSchema(JSON.parse(await run('schema --federation --json')));

    expect(textOf(file)).toBe(textOf(await introspect(gateway)));
  });

  test.each(['nothing', 'Query.nothing'])('rejects SUBGRAPH_EXCLUDE_FIELDS=%s', (field) => {
    const environment = { SUBGRAPH_EXCLUDE_FIELDS: field };

    expect(() =>
      runSchema(
        { federation: true, json: false, environment },
        { print: () => undefined, printError: () => undefined },
      ),
    ).toThrow('SUBGRAPH_EXCLUDE_FIELDS: the schema has no root field Query.nothing');
  });
});

describe('tools that read the printed schema', () => {
  test('GraphQL Inspector finds no difference to introspection', async () => {
    await using gateway = await start();

    const changes = await diff(buildSchema(await run('schema')), await introspect(gateway));

    // Introspection does not show which directives are applied.
    expect(changes.filter(({ type }) => !type.startsWith('DIRECTIVE_USAGE'))).toEqual([]);
  });

  test.each([
    ['schema', 'schema.graphql'],
    ['schema --json', 'schema.json'],
  ])(
    'the client preset generates types from the output of %s, with the scalars of the documentation',
    async (line, name) => {
      const path = await mkdtemp(join(tmpdir(), 'schema-'));
      const documented = /```yaml\n(schema: schema\.graphql\n.*?)```/s.exec(clientsPage)?.[1] ?? '';
      await mkdir(join(path, 'src'));
      await writeFile(join(path, name), await run(line));
      await writeFile(join(path, 'codegen.yml'), documented.replace('schema.graphql', name));
      await writeFile(
        join(path, 'src', 'Chat.graphql'),
        'query Chat { chat(id: 1) { createdAt customer { customData } } }',
      );
      await symlink(join(root, 'node_modules'), join(path, 'node_modules'));

      await promisify(execFile)(
        process.execPath,
        [join(root, 'node_modules/.bin/graphql-codegen'), '--config', 'codegen.yml'],
        { cwd: path },
      );
      const types = await readFile(join(path, 'src/gql/graphql.ts'), 'utf8');

      await rm(path, { recursive: true });
      expect(types).toContain('createdAt: string | null,');
      expect(types).toContain('customData: Record<string, unknown> | null');
    },
  );
});

describe('Federation', () => {
  const hasNoField = (field: string) => [
    { message: expect.stringContaining(`Cannot query field "${field}"`) },
  ];

  test('a gateway without SUBGRAPH=true has no fields for a router', async () => {
    await using gateway = await start();
    const service = await gateway.query('{ _service { sdl } }');
    const entities = await gateway.query('{ _entities(representations: []) { __typename } }');

    expect(service.errors).toMatchObject(hasNoField('_service'));
    expect(entities.errors).toMatchObject(hasNoField('_entities'));
  });

  test('a router secret alone does not make the gateway a subgraph', async () => {
    const routerSecret = 'a-secret-of-the-router-of-32-characters';
    await using gateway = await startTestGateway({
      upstream,
      config: { ...readConfig({ PORT: '0' }), routerSecret },
    });
    const headers = { 'x-router-secret': routerSecret };

    const { errors } = await gateway.query('{ _service { sdl } }', {}, headers);

    expect(errors).toMatchObject(hasNoField('_service'));
  });
});
