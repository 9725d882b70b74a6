import { expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/loadConfig.ts';
import { ConfigError } from '../../src/config/settings.ts';
import { createDocumentValidation } from '../../src/graphql/limits/documentLimits.ts';
import { createSchema } from '../../src/graphql/schema/build.ts';
import { writeEffects } from '../../src/mcp/annotations.ts';
import { loadTools } from '../../src/mcp/tools.ts';

const schema = createSchema([]);
const limits = { depth: 12, aliases: 30, directives: 30, tokens: 10_000 };
const validation = createDocumentValidation(limits, false);

const load = (...texts: readonly string[]) =>
  loadTools({
    schema,
    files: texts.map((text, index) => ({ file: `${index}.graphql`, text })),
    validation,
    allowsWrites: true,
    mutations: undefined,
  });

test('the tool of an operation derives from its name, comments, variables and cost', () => {
  const { tools } = load(`
    # First line.
    # Second line
    query chatsOf(
      # An id
      $id: ID!
      $size: Int = 5
      $after: String
      $filter: ChatFilter
    ) {
      agent(id: $id) { id name chats(first: $size, after: $after) { nodes { id } } }
      chats(first: 1, filter: $filter) { totalCount }
    }
  `);

  const [tool] = tools;
  expect(tool).toMatchObject({
    name: 'chatsOf',
    description: expect.stringMatching(/^First line\. Second line\. Max\. \d+ calls\.$/),
    cursorVariable: 'after',
    isForCustomers: false,
    inputSchema: {
      type: 'object',
      properties: {
        id: { type: 'string', description: 'An id' },
        size: { type: 'integer', default: 5 },
        after: { type: 'string', description: 'From the previous result, for the rest' },
        filter: { $ref: '#/$defs/ChatFilter' },
      },
      required: ['id'],
      additionalProperties: false,
    },
  });
  expect(tool?.inputSchema['$defs']).toMatchObject({
    ChatFilter: { properties: { anyOf: { items: { $ref: '#/$defs/ChatFilter' } } } },
  });
});

test.each([
  ['query { agents { id } }', /^0\.graphql:1:1: the operation has no name$/],
  ['query A {\n  agents { id nme } }', /^0\.graphql:2:15: Cannot query field "nme"/],
  ['query A {', /^0\.graphql:1:10: Syntax Error/],
  ['subscription A { chatUpdated { chat { id } } }', /^0\.graphql:1:1: A is a subscription/],
  ['query A { agents { id } } query A { viewer { role } }', /A is also defined in 0\.graphql$/],
  [`query ${'A'.repeat(65)} { agents { id } }`, /more than 64 characters$/],
  ['fragment F on Chat { id }', /^the files contain no operations$/],
  [`query A { ${'a: agents { id } '.repeat(40)} }`, /aliases and repeated selections/],
])('%s is a problem with its file and position', (text, problem) => {
  expect(load(text).problems).toEqual([expect.stringMatching(problem)]);
});

test('an invalid operation aborts the start with its file and position', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-'));
  const file = join(folder, 'wrong.graphql');
  writeFileSync(file, 'query Wrong {\n  agents { nme }\n}\n');

  const start = () => loadConfig({ MCP_OPERATIONS: join(folder, '*.graphql') });

  expect(start).toThrow(ConfigError);
  expect(start).toThrow(`MCP_OPERATIONS: ${file}:2:12: Cannot query field "nme" on type "Agent".`);
  expect(() => loadConfig({ MCP_OPERATIONS: join(folder, '*.gql') })).toThrow('no file matches');
  rmSync(folder, { recursive: true });
});

test('fragments may be in other files', () => {
  const { tools, problems } = load(
    'query A { chats { nodes { ...Row } } }',
    'fragment Row on Chat { id status }',
  );

  expect(problems).toEqual([]);
  expect(tools[0]?.query).toContain('fragment Row on Chat');
});

test('MCP is enabled by default in demo mode only', () => {
  expect(loadConfig({}).mcp.isEnabled).toBe(true);
  expect(loadConfig({ HELPCRUNCH_API_KEY: 'key-of-an-account' }).mcp.isEnabled).toBe(false);
  expect(loadConfig({ MCP: 'false' }).mcp.isEnabled).toBe(false);
});

test('MUTATIONS removes the tools of mutations that are not allowed', () => {
  const files = [
    { file: 'a', text: 'mutation A { deleteCustomer(id: 1) { id } }' },
    { file: 'b', text: 'mutation B { markChatRead(id: 1, by: AGENT, read: true) { id } }' },
  ];
  const namesWith = (mutations: 'none' | undefined | string[]) =>
    loadTools({ schema, files, validation, allowsWrites: true, mutations }).tools.map(
      ({ name }) => name,
    );

  expect(namesWith(undefined)).toEqual(['B']);
  expect(namesWith('none')).toEqual([]);
  expect(namesWith(['deleteCustomer'])).toEqual(['A']);
});

test('the effect of every mutation is declared', () => {
  const mutations = Object.keys(schema.getMutationType()?.getFields() ?? {});

  expect([...writeEffects.keys()].sort()).toEqual(mutations.sort());
});
