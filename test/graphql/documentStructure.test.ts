import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'graphql';
import { validateTrustedDocument } from '../../src/graphql/limits/documentStructure.ts';
import { createDocumentValidation } from '../../src/graphql/limits/documentLimits.ts';
import { createSchema } from '../../src/graphql/schema/build.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';
import { loadConfig } from '../../src/config/loadConfig.ts';
import { startTestGateway } from '../support/gateway.ts';
import { killAll, run } from '../support/process.ts';
import { openSocket } from '../support/socket.ts';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

let helpCrunch: RecordingUpstream;
/** As it is by default. */
let gateway: Gateway;
/** Where only the structure of a document is limited. */
let lenient: Gateway;

const unlimited = { depth: 1e6, aliases: 1e6, directives: 1e6, tokens: 1e6 };

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  gateway = await startTestGateway({ upstream: helpCrunch });
  lenient = await startTestGateway({ upstream: helpCrunch, config: { limits: unlimited } });
});

afterAll(async () => {
  killAll();
  await gateway.stop();
  await lenient.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

const times = (count: number, write: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => write(index)).join(' ');

const nest = (open: string, close: string, levels: number, core: string) =>
  open.repeat(levels) + core + close.repeat(levels);

const fragment = (index: number, ...spreads: readonly number[]) =>
  `fragment F${index} on Query { ${spreads.map((other) => `...F${other}`).join(' ')} }`;

/** Each fragment spreads the next two: graphql-js compares them by pairs, each comparison within the one before. */
const cycle = (count: number) =>
  `{ ...F0 } ${times(count, (index) => fragment(index, (index + 1) % count, (index + 2) % count))}`;

const chain = (count: number) =>
  `{ ...F0 } ${times(count, (index) => fragment(index, index + 1))} fragment F${count} on Query { __typename }`;

const fields = (levels: number) =>
  `{ chat(id: 1) { ${nest('customer { chats { nodes { ', '} } } ', levels, 'id ')} } }`;

describe('fragments in a cycle', () => {
  test.each([1, 2, 12, 120, 400])(
    'a fragment cycle of %i is answered with 400 and GRAPHQL_VALIDATION_FAILED',
    async (count) => {
      const { status, data, errors } = await lenient.query(cycle(count));

      expect({ status, data }).toEqual({ status: 400, data: undefined });
      expect(errors.map(({ extensions }) => extensions['code'])).toEqual([
        'GRAPHQL_VALIDATION_FAILED',
      ]);
      expect(errors[0]?.message).toMatch(/^Cannot spread fragment "F0" within itself/);
      expect(lenient.logged).toEqual([]);
    },
  );

  test('a fragment cycle is rejected with the names of its fragments only', async () => {
    const { errors } = await gateway.query(
      `{ ...A } fragment A on Query { ...B } fragment B on Query { ...C } fragment C on Query { ...B }`,
    );

    expect(errors.map(({ message }) => message)).toEqual([
      'Cannot spread fragment "B" within itself via "C".',
    ]);
  });

  test('a fragment cycle is rejected every time, by GET and over event streams', async () => {
    const query = cycle(120);
    const headers = { 'content-type': 'application/json', 'apollo-require-preflight': '1' };
    const body = JSON.stringify({ query });
    const events = { ...headers, accept: 'text/event-stream' };
    const asked = [
      () => fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body }),
      () => fetch(`${gateway.url}/graphql?query=${encodeURIComponent(query)}`, { headers }),
      () => fetch(`${gateway.url}/graphql/stream`, { method: 'POST', headers: events, body }),
    ];

    const answers = [];
    for (const ask of [...asked, ...asked, ...asked]) {
      const response = await ask();
      const { errors }: any = await response.json();
      answers.push([response.status, errors.length, errors[0].extensions.code]);
    }

    expect(answers).toEqual(answers.map(() => [400, 1, 'GRAPHQL_VALIDATION_FAILED']));
    expect(gateway.logged).toEqual([]);
  });

  test('a fragment cycle is rejected over a WebSocket, which stays open', async () => {
    await using socket = await openSocket(gateway.url);
    await socket.initialize();

    socket.send({ id: '1', type: 'subscribe', payload: { query: cycle(120) } });
    const error = await socket.nextMessage();
    socket.send({ id: '2', type: 'subscribe', payload: { query: '{ __typename }' } });
    const next = await socket.nextMessage();

    expect(error).toMatchObject({
      id: '1',
      type: 'error',
      payload: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
    });
    expect(next).toMatchObject({ id: '2', payload: { data: { __typename: 'Query' } } });
    expect(gateway.logged).toEqual([]);
  });

  test('a fragment cycle adds only JSON lines to the output of the process', async () => {
    await using started = run({ LOG_FORMAT: 'json', LOG_LEVEL: 'info' });
    const { url } = await started.started();

    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: cycle(120) }),
    });
    started.stop();
    const { error } = await started.ended;

    expect(response.status).toBe(400);
    const lines = error.split('\n').filter((line) => line !== '');
    expect(lines.filter((line) => !line.startsWith('{'))).toEqual([]);
  });

  test('a fragment cycle in a persisted operation fails the start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'manifest-'));
    const path = join(folder, 'operations.json');
    await writeFile(path, JSON.stringify({ odd: cycle(120) }));

    expect(() => loadConfig({ PERSISTED_OPERATIONS: path })).toThrow(
      'operation odd: Cannot spread fragment "F0"',
    );
    await rm(folder, { recursive: true });
  });
});

describe('a document that is nested deeply', () => {
  test.each([
    ['selections', fields(100)],
    ['more selections than the parser has stack for', fields(7_000)],
    ['two equal selections', `{ a: __typename } { chat(id: 1) { ${fields(100)} } }`],
    ['nameless fragments', `{ ${nest('... { ', '} ', 300, '__typename ')} }`],
    ['fragments', chain(300)],
    ['many more fragments', chain(5_000)],
    [
      'fragments with nameless fragments',
      `{ ...F0 } ${times(40, (index) => `fragment F${index} on Query { ${nest('... { ', '} ', 10, `...F${index + 1} `)} }`)} fragment F40 on Query { __typename }`,
    ],
    ['a list', `{ chat(id: ${nest('[', ']', 300, '')}) { id } }`],
    ['a list for the parser', `{ chat(id: ${nest('[', ']', 50_000, '')}) { id } }`],
    ['an object', `{ chats(filter: ${nest('{ anyOf: [', '] }', 150, '{}')}) { totalCount } }`],
    [
      'a reference',
      `{ _entities(representations: ${nest('[{ a: ', '}]', 150, '1')}) { __typename } }`,
    ],
    ['a default value', `query ($a: Int = ${nest('[', ']', 300, '1')}) { __typename }`],
    ['a type', `query ($a: ${nest('[', ']', 300, 'Int')}) { __typename }`],
  ])('a document with deep nesting is answered with 400: %s', async (_what, document) => {
    const answers = [await lenient.query(document), await lenient.query(document)];

    for (const { status, errors } of answers) {
      expect(status).toBe(400);
      expect(['OPERATION_TOO_EXPENSIVE', 'GRAPHQL_PARSE_FAILED']).toContain(
        errors[0]?.extensions['code'],
      );
      expect(errors[0]?.message).not.toContain('call stack');
    }
    expect(lenient.logged).toEqual([]);
  });

  test('a document of 200 levels passes every validation rule', () => {
    const schema = createSchema([], { subgraph: { excludedRootFields: [] } });
    const { validationRules } = createDocumentValidation(unlimited, true);

    for (const document of [
      fields(65),
      `{ chat(id: 1) { ${nest('customer { chats { nodes { ', '} } } ', 65, 'id ').repeat(2)} } }`,
      chain(198),
      `{ ...F0 ...F1 } ${times(198, (index) => fragment(index, index + 1, Math.min(198, index + 2)))} fragment F198 on Query { __typename }`,
      `{ ${nest('... { ', '} ', 199, '__typename ')} }`,
    ]) {
      expect(validateTrustedDocument(schema, parse(document))).toEqual([]);
    }
    expect(validationRules.length).toBeGreaterThan(2);
  });

  test('a deep document is answered with 400 when its hash is registered', async () => {
    const query = cycle(120);
    const sha256Hash = createHash('sha256').update(query).digest('hex');
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    const ask = async (body: object) => {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const { errors }: any = await response.json();
      return [response.status, errors[0].extensions.code];
    };

    expect(await ask({ query, extensions })).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
    expect(await ask({ extensions })).toEqual([200, 'PERSISTED_QUERY_NOT_FOUND']);
  });
});

test.each([
  ['Query', '...F0', 'chat(id: 1) { id }'],
  ['Chat', 'chat(id: 1) { ...F0 }', 'id'],
  ['ChatConnection', 'chats { ...F0 }', 'nodes { id }'],
  ['__Schema', '__schema { ...F0 }', 'queryType { name }'],
])(
  'fragments on %s that each spread the next two are executed',
  async (type, selection, fields) => {
    const last = 60;
    const fragments = times(last + 2, (index) => {
      const inner = index < last ? `...F${index + 1} ...F${index + 2}` : fields;
      return `fragment F${index} on ${type} { ${inner} }`;
    });

    // Its log has the failures of calls.
    await using own = await startTestGateway({ upstream: helpCrunch });
    const { status, data } = await own.query(`{ ${selection} } ${fragments}`);

    expect(status).toBe(200);
    expect(data).toBeDefined();
  },
);

describe('variables that are nested 100,000 levels deep', () => {
  const query = 'query Deep($filter: ChatFilter) { chats(filter: $filter) { totalCount } }';
  const deep = nest('[', ']', 100_000, '');
  const body = `{"query":${JSON.stringify(query)},"variables":{"filter":${deep}}}`;

  test('variables of 100,000 levels are answered with 400', async () => {
    const headers = { 'content-type': 'application/json' };
    for (let count = 0; count < 3; count += 1) {
      const response = await fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body });
      const { errors }: any = await response.json();

      expect([response.status, errors[0].extensions.code]).toEqual([
        400,
        'OPERATION_TOO_EXPENSIVE',
      ]);
    }
    expect(gateway.logged).toEqual([]);
  });

  test('variables of 100,000 levels are answered with an error over a WebSocket and an event stream', async () => {
    await using socket = await openSocket(gateway.url);
    await socket.initialize();
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };

    socket.send(`{"id":"1","type":"subscribe","payload":${body}}`);
    const heard = await socket.nextMessage();
    const url = `${gateway.url}/graphql/stream`;
    const response = await fetch(url, { method: 'POST', headers, body });
    const { errors }: any = await response.json();

    expect(heard).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'OPERATION_TOO_EXPENSIVE' } }],
    });
    expect([response.status, errors[0].extensions.code]).toEqual([400, 'OPERATION_TOO_EXPENSIVE']);
    expect(gateway.logged).toEqual([]);
  });
});
