import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { loadConfig } from '../../../src/config/loadConfig.ts';
import { ConfigError, readConfig } from '../../../src/config/settings.ts';
import type { RecordingUpstream } from '../../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../../support/recordingUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import type { GraphQLResponse } from '../../support/gateway.ts';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

let helpCrunch: RecordingUpstream;
let gateway: Gateway;
let folder: string;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /chats/5208', { body: wireChat() });
  helpCrunch.respond('POST /chats/search', { body: { data: [] } });
  gateway = await startTestGateway({ upstream: helpCrunch });
  folder = await mkdtemp(join(tmpdir(), 'helpcrunch-limits-'));
});

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function expectTooExpensive({ data, errors, status, extensions }: GraphQLResponse, message = '') {
  expect({ data, status, count: errors.length, message: errors[0]?.message }).toEqual({
    data: undefined,
    status: 400,
    count: 1,
    message: expect.stringContaining(message),
  });
  expect(errors[0]?.extensions).toMatchObject({
    code: 'OPERATION_TOO_EXPENSIVE',
    retryable: false,
  });
  expect(extensions.upstream.calls).toBe(0);
}

const times = (count: number, write: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => write(index)).join(' ');

/** Chats and agents nested to the given depth. */
const nested = (depth: number): string =>
  depth <= 2 ? '{ id }' : `{ agents { chats { nodes ${nested(depth - 3)} } } }`;

describe('document limits', () => {
  const aliases = (count: number) => `{ ${times(count, (index) => `a${index}: __typename`)} }`;
  const directives = (count: number) => {
    const perField = times(2, (index) => (index === 0 ? '@skip(if: false)' : '@include(if: true)'));
    return `{ ${times(count / 2, (index) => `a${index}: __typename ${perField}`)} }`;
  };

  test.each([
    ['30 aliases', aliases(30)],
    ['20 directives', directives(20)],
    ['12 levels', `{ chat(id: 5208) ${nested(11)} }`],
  ])('an operation of %s is admitted', async (_what, document) => {
    const { errors } = await gateway.query(document);

    expect(errors.map(({ extensions }) => extensions['code'])).not.toContain(
      'OPERATION_TOO_EXPENSIVE',
    );
  });

  test.each([
    ['31 aliases of __typename', aliases(31), 'has 31 aliases'],
    ['31 aliases in a variable-free fragment', `{ ...F } fragment F on Query ${aliases(31)}`, '31'],
    [
      'one fragment used over and over',
      `{ ${times(40, () => '...F')} } fragment F on Query { a: __typename }`,
      'aliases',
    ],
    ['one field written 500 times', `{ ${'__typename '.repeat(500)} }`, '499'],
    ['one field in 40 nameless fragments', `{ ${'... { __typename } '.repeat(40)} }`, '39'],
    ['22 directives', directives(22), 'has 22 directives'],
    ['15 levels', `{ chat(id: 5208) ${nested(14)} }`, 'levels of fields'],
    [
      '15 levels through fragments',
      `{ chat(id: 5208) { ...A } } fragment A on Chat { agents { chats { nodes { ...B } } } }
       fragment B on Chat { agents { chats { nodes { ...C } } } }
       fragment C on Chat { agents { chats { nodes { ...D } } } }
       fragment D on Chat { agents { chats { nodes { id } } } }`,
      'levels of fields',
    ],
    ['2,001 tokens', `{ ${'__typename '.repeat(1_999)} }`, 'limit is 2000 tokens'],
    [
      'an operation that is not run',
      `query A { __typename } query B ${aliases(31)}`,
      'has 31 aliases',
    ],
  ])(
    'an operation of %s is rejected before any upstream call',
    async (_what, document, message) => {
      const before = helpCrunch.calls.length;

      const answer = await gateway.query(document);

      expectTooExpensive(answer, message);
      expect(helpCrunch.calls).toHaveLength(before);
    },
  );

  test('an operation with exponentially nested fragments is measured without expanding them', async () => {
    const fragments = times(
      60,
      (index) =>
        `fragment F${index} on Chat { agents { chats { nodes { ...F${index + 1} } } } customer { chats { nodes { ...F${index + 1} } } } }`,
    );

    const { status, errors } = await gateway.query(
      `{ chat(id: 5208) { ...F0 } } ${fragments} fragment F60 on Chat { a: id }`,
    );

    expect(status).toBe(400);
    expect(errors[0]?.extensions['code']).toBe('OPERATION_TOO_EXPENSIVE');
  });

  test('an operation with a fragment cycle is invalid', async () => {
    const { status, errors } = await gateway.query(
      '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }',
    );

    expect(status).toBe(400);
    expect(errors.map(({ extensions }) => extensions['code'])).toEqual([
      'GRAPHQL_VALIDATION_FAILED',
    ]);
  });

  test('an operation is rejected again with other variables', async () => {
    const document = `query ($id: ID!) { ${times(31, (index) => `a${index}: chat(id: $id) { id }`)} }`;

    const answers = [
      await gateway.query(document, { id: '1' }),
      await gateway.query(document, { id: '2' }),
    ];

    for (const answer of answers) expectTooExpensive(answer, '31');
  });

  test('document limits are configurable', async () => {
    await using strict = await startTestGateway({
      upstream: helpCrunch,
      config: { limits: { depth: 2, aliases: 0, directives: 0, tokens: 16 } },
    });

    expectTooExpensive(await strict.query('{ chat(id: 5208) { agents { id } } }'), '3 levels');
    expectTooExpensive(await strict.query('{ a: __typename }'), 'limit is 0');
    expectTooExpensive(await strict.query('{ __typename @skip(if: false) }'), '1 directives');
    expectTooExpensive(await strict.query(`{ ${'a '.repeat(16)} }`), '16 tokens');
    expect((await strict.query('{ chat(id: 5208) { id } }')).data).toEqual({
      chat: { id: '5208' },
    });
  });

  test.each([
    ['query ($x: [ID!]!) { nodes(nodeIds: $x) { nodeId } }', 'x', 'a'],
    ['query ($x: ChatFilter) { chats(filter: $x) { totalCount } }', 'anyOf', {}],
  ])('a list of 2,001 variables is rejected before it is read: %s', async (query, name, item) => {
    const list = Array.from({ length: 2_001 }, () => item);
    const variables = { x: name === 'x' ? list : { [name]: list } };

    expectTooExpensive(await gateway.query(query, variables), 'at most 2000 entries');
  });

  test('an APQ hash that is not a string is answered with 400', async () => {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"extensions":{"persistedQuery":{"version":1,"sha256Hash":{"toString":1}}}}',
    });

    const body: any = await response.json();
    expect(response.status).toBe(400);
    expect(body.errors[0].extensions.code).toBe('BAD_REQUEST');
  });

  test('an operation with variables deeper than any argument is rejected', async () => {
    const ask = async (levels: number) => {
      const query = 'query ($filter: ChatFilter) { chats(filter: $filter) { totalCount } }';
      const filter = `${'{"anyOf":['.repeat(levels)}{}${']}'.repeat(levels)}`;
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: `{"query":"${query}","variables":{"filter":${filter}}}`,
      });
      const answer: any = await response.json();
      return { ...answer, status: response.status };
    };

    for (const levels of [13, 1_000, 20_000]) expectTooExpensive(await ask(levels), 'nested');
  });

  test.each([
    ['many unknown fields', `{ ${times(600, (index) => `x${index}`)} }`],
    ['a name that is very long', `{ ${'x'.repeat(200_000)} }`],
    ['many unknown directives', `{ __typename ${times(15, (index) => `@x${index}`)} }`],
    [
      'many variables of no type',
      `query (${times(300, (index) => `$v${index}: X`)}) { __typename }`,
    ],
  ])('an operation with %s gets a short response', async (_what, document) => {
    const answer = await gateway.query(document);

    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.errors).length).toBeLessThan(8_000);
  });

  test('an operation with a long invalid variable gets a short response', async () => {
    const answer = await gateway.query(
      'query ($filter: [ChatStatus]) { chats(filter: { anyOf: [] }) { totalCount } a: __typename }',
      { filter: Array.from({ length: 100 }, () => 'x'.repeat(1_000)) },
    );

    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.errors).length).toBeLessThan(100_000);
  });

  test('an operation with too many references is rejected', async () => {
    const before = helpCrunch.calls.length;

    const { data, errors } = await gateway.query(
      'query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }',
      { r: Array.from({ length: 1_001 }, () => 1) },
    );

    expect(data).toBeNull();
    expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['BAD_USER_INPUT']);
    expect(helpCrunch.calls).toHaveLength(before);
  });

  test('the introspection query of common tools is admitted', async () => {
    for (const query of [
      getIntrospectionQuery(),
      getIntrospectionQuery({ inputValueDeprecation: true, oneOf: true, specifiedByUrl: true }),
    ]) {
      const { data, errors } = await gateway.query(query);

      expect(errors).toEqual([]);
      expect(data.__schema.types.length).toBeGreaterThan(30);
    }
  });
});

describe('persisted operations', () => {
  const inbox = 'query Inbox { chat(id: 5208) { id } }';
  const wide = `query Wide { ${times(40, (index) => `a${index}: __typename`)} }`;
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const apollo = {
    format: 'apollo-persisted-query-manifest',
    version: 1,
    operations: [
      { id: sha256(inbox), name: 'Inbox', type: 'query', body: inbox },
      { id: 'wide', name: 'Wide', type: 'query', body: wide },
    ],
  };
  const relay = { '0123456789abcdef0123456789abcdef': inbox, [`sha256:${sha256(wide)}`]: wide };
  const byHash = (sha256Hash: string) => ({
    extensions: { persistedQuery: { version: 1, sha256Hash } },
  });

  async function settingsFor(manifest: unknown, more: Record<string, string> = {}) {
    const path = join(folder, `${sha256(JSON.stringify(manifest)).slice(0, 8)}.json`);
    await writeFile(path, typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
    return { PERSISTED_OPERATIONS: path, ...more };
  }

  async function startListed(manifest: unknown, isOnly = true) {
    const { persistedOperations, persistedOnly } = readConfig(
      await settingsFor(manifest, { PERSISTED_ONLY: String(isOnly) }),
    );
    return startTestGateway({
      upstream: helpCrunch,
      config: { persistedOperations, persistedOnly },
    });
  }

  async function post({ url }: Gateway, body: unknown) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer: any = await response.json();
    return { status: response.status, data: answer.data, code: answer.errors?.[0].extensions.code };
  }

  async function get({ url }: Gateway, parameters: Record<string, string>) {
    const response = await fetch(`${url}/graphql?${new URLSearchParams(parameters).toString()}`, {
      headers: { 'apollo-require-preflight': '1' },
    });
    const answer: any = await response.json();
    return { status: response.status, data: answer.data, code: answer.errors?.[0].extensions.code };
  }

  const found = { status: 200, data: { chat: { id: '5208' } }, code: undefined };
  const refused = { status: 400, data: undefined, code: 'PERSISTED_QUERY_NOT_FOUND' };

  test('with a manifest in Apollo’s format only its operations are executed, by their hash', async () => {
    await using listed = await startListed(apollo);
    const extensions = JSON.stringify(byHash(sha256(inbox)).extensions);

    expect(await post(listed, byHash(sha256(inbox)))).toEqual(found);
    expect(await post(listed, { ...byHash(sha256(inbox)), query: inbox })).toEqual(found);
    expect(await post(listed, { query: inbox })).toEqual(found);
    expect(await get(listed, { extensions })).toEqual(found);
    expect(await get(listed, { query: inbox })).toEqual(found);
    // An id decides, whatever text is sent beside it.
    expect(await post(listed, { ...byHash(sha256(inbox)), query: '{ viewer { role } }' })).toEqual(
      found,
    );

    expect(await post(listed, { query: `${inbox} ` })).toEqual(refused);
    expect(await post(listed, { query: '{ __typename }' })).toEqual(refused);
    expect(await post(listed, byHash(sha256('{ __typename }')))).toEqual(refused);
    expect(
      await post(listed, { ...byHash(sha256('{ __typename }')), query: '{ __typename }' }),
    ).toEqual(refused);
    expect(await post(listed, { query: 'broken {' })).toEqual(refused);
    expect(await post(listed, { id: '__proto__' })).toEqual(refused);
    expect(await get(listed, { query: '{ __typename }' })).toEqual(refused);
    expect(await get(listed, { query: '{ __typename }', extensions: '{' })).toEqual(refused);
    expect(await post(listed, [{ query: '{ __typename }' }])).toMatchObject({ status: 400 });
  });

  test.each(['doc_id', 'id', 'documentId'])(
    'persisted operations in Relay’s format are executed by %s',
    async (name) => {
      await using listed = await startListed(relay);
      const [id = ''] = Object.keys(relay);

      expect(await post(listed, { [name]: id, variables: {} })).toEqual(found);
      expect(await get(listed, { [name]: id })).toEqual(found);
      expect(await post(listed, { [name]: 'unknown' })).toEqual(refused);
    },
  );

  test('persisted operations are exempt from document limits', async () => {
    await using listed = await startListed(apollo, false);

    const byId = await post(listed, { id: 'wide' });
    const byText = await post(listed, { query: wide });
    const other = await post(listed, { query: wide.replace('Wide', 'Other') });

    expect(Object.keys(byId.data)).toHaveLength(40);
    expect(Object.keys(byText.data)).toHaveLength(40);
    expect(other).toMatchObject({ status: 400, code: 'OPERATION_TOO_EXPENSIVE' });
  });

  test('persisted operations are subject to the cost limit', async () => {
    await using listed = await startTestGateway({
      upstream: helpCrunch,
      config: {
        persistedOperations: new Map([
          ['a', `{ ${times(3, (i) => `a${i}: chat(id: ${i}) { id }`)} }`],
        ]),
        maxUpstreamCalls: 2,
      },
    });

    expect(await post(listed, { id: 'a' })).toMatchObject({
      status: 400,
      code: 'OPERATION_TOO_EXPENSIVE',
    });
  });

  test('other operations are executed unless PERSISTED_ONLY is set', async () => {
    await using listed = await startListed(apollo, false);
    const own = '{ __typename }';

    expect(await post(listed, { doc_id: 'unknown' })).toEqual(refused);
    expect(await post(listed, byHash(sha256(own)))).toMatchObject({
      code: 'PERSISTED_QUERY_NOT_FOUND',
    });
    expect(await post(listed, { ...byHash(sha256(own)), query: own })).toMatchObject({
      status: 200,
    });
    expect(await post(listed, byHash(sha256(own)))).toMatchObject({
      data: { __typename: 'Query' },
    });
  });

  test.each([
    ['no JSON', '{', 'is not JSON'],
    ['a list', [], 'must contain'],
    ['a number for a text', { a: 1 }, 'must contain'],
    ['an empty text', { a: ' ' }, 'must contain'],
    ['another version', { ...apollo, version: 2 }, 'must contain'],
    [
      'an id twice',
      { ...apollo, operations: [...apollo.operations, ...apollo.operations] },
      'twice',
    ],
  ])('a manifest with %s fails the start', async (_what, manifest, message) => {
    const settings = await settingsFor(manifest);

    expect(() => readConfig(settings)).toThrow(ConfigError);
    expect(() => readConfig(settings)).toThrow(message);
  });

  test('a missing manifest fails the start', () => {
    const settings = { PERSISTED_OPERATIONS: join(folder, 'nowhere.json') };

    expect(() => readConfig(settings)).toThrow('PERSISTED_OPERATIONS: the file');
  });

  test('persisted operations that are invalid fail the start, each with its id', async () => {
    const settings = await settingsFor({ one: '{ nothing }', two: 'query {', three: inbox });

    expect(() => loadConfig(settings)).toThrow(
      /operation one: .*nothing[^]*operation two: Syntax Error/,
    );
  });

  test('PERSISTED_ONLY without a manifest fails the start', () => {
    expect(() => readConfig({ PERSISTED_ONLY: 'true' })).toThrow('PERSISTED_ONLY: needs');
  });
});
