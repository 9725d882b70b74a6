import { Agent, request } from 'node:http';
import type { Random } from '../../src/simulator/random.ts';
import { createRandom } from '../../src/simulator/random.ts';

export interface AbusiveRequest {
  /** Which kind of abuse it is. */
  readonly kind: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
}

const json = { 'content-type': 'application/json' };

const documents = [
  'query ($id: ID!) { chat(id: $id) { id status customer { name } messages { nodes { text } } } }',
  'query ($filter: ChatFilter) { chats(first: 5, filter: $filter) { totalCount nodes { id agents { name } } } }',
  'query ($filter: CustomerFilter) { customers(first: 5, filter: $filter) { nodes { id tags { name } customData } } }',
  'query ($ids: [ID!]!) { nodes(nodeIds: $ids) { nodeId ... on Chat { id } } }',
  'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Customer { name } ... on Agent { name } } }',
  'mutation ($id: ID!, $by: ReadBy!, $read: Boolean!) { markChatRead(id: $id, by: $by, read: $read) { id } }',
  'query A @skip(if: false) { ...F } fragment F on Query { rateLimit { remaining } viewer { role } }',
  '{ departments { name agents { name chats(first: 2) { nodes { id } } } } organization { domain } }',
];

const names = [
  'id',
  'filter',
  'ids',
  'r',
  'by',
  'read',
  '__proto__',
  'constructor',
  'toString',
  '',
];

const odd: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  1.5,
  -1,
  1e308,
  2 ** 53,
  '',
  ' ',
  '0',
  '5208',
  'null',
  '\u0000',
  '\ud800',
  '💬',
  '__proto__',
  'constructor',
  '1e3',
  '-1',
  [],
  [null],
  {},
  'x'.repeat(5_000),
  '{"a":1}',
  '/../..',
  '%00',
  "' OR 1=1 --",
  'NEW',
  'AGENT',
];

const keys = [
  '__proto__',
  'constructor',
  'prototype',
  'anyOf',
  'status',
  'id',
  '__typename',
  'hasOwnProperty',
  'then',
  'createdAt',
  'equals',
  'userIds',
];

function oddValue(random: Random, depth = 0): unknown {
  const choice = random.integer(0, 9);
  if (depth > 4 || choice < 5) return random.pick(odd);
  if (choice < 7)
    return Array.from({ length: random.integer(0, 5) }, () => oddValue(random, depth + 1));
  return Object.fromEntries(
    Array.from({ length: random.integer(0, 5) }, () => [
      random.pick(keys),
      oddValue(random, depth + 1),
    ]),
  );
}

/** `JSON.stringify` would write no `__proto__`, and runs out of stack. */
const nest = (open: string, close: string, levels: number, core = '1') =>
  open.repeat(levels) + core + close.repeat(levels);

const post = (kind: string, body: Buffer | string, headers = json): AbusiveRequest => ({
  kind,
  method: 'POST',
  path: '/graphql',
  headers,
  body,
});

const operation = (kind: string, query: string, variables?: string) =>
  post(
    kind,
    `{"query":${JSON.stringify(query)}${variables === undefined ? '' : `,"variables":${variables}`}}`,
  );

function broken(random: Random): string {
  let text = random.pick(documents);
  for (let count = random.integer(1, 8); count > 0; count -= 1) {
    const at = random.integer(0, text.length);
    const piece = text.slice(at, at + random.integer(0, 12));
    const insert = random.pick([
      '{',
      '}',
      '(',
      ')',
      '...',
      '"',
      '"""',
      '@',
      '$',
      '#',
      '\\u',
      '\u0000',
      '💬',
      '\ud83d',
      '!',
      ':',
      '&',
      piece.repeat(3),
      '',
    ]);
    text = text.slice(0, at) + insert + text.slice(at + random.integer(0, 6));
  }
  return text;
}

const bytes = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random.integer(0, 255)));

const times = (count: number, write: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => write(index)).join(' ');

const overloads: readonly ((size: number) => string)[] = [
  (size) => `{ ${times(size, (index) => `a${index}: __typename`)} }`,
  (size) => `{ ${'__typename '.repeat(size)} }`,
  (size) => `{ __typename ${'@x '.repeat(size)} }`,
  (size) => `{ ${times(size, () => '...F')} } fragment F on Query { __typename }`,
  (size) =>
    `{ ...F0 } ${times(size, (index) => `fragment F${index} on Query { ...F${index + 1} ...F${index + 1} }`)} fragment F${size} on Query { __typename }`,
  (size) =>
    `{ ...F0 } ${times(size, (index) => `fragment F${index} on Query { ...F${(index + 1) % size} }`)}`,
  (size) => `{ chat(id: 1) { ${nest('customer { chats { nodes { ', '} } } ', size, 'id ')} } }`,
  (size) => nest('{ a ', '}', size, 'b'),
  (size) => `{ chats(filter: ${nest('{ anyOf: [', '] }', size, '{}')}) { totalCount } }`,
  (size) => `query (${times(size, (index) => `$v${index}: [[Int!]!] = [[1]]`)}) { __typename }`,
  (size) => `{ chat(id: ${nest('[', ']', size)}) { id } }`,
  (size) => `{ ${'x'.repeat(size * 20)} }`,
  (size) => `{ chat(id: "${'9'.repeat(size * 20)}") { id } }`,
  (size) => `{ ${times(size, (index) => `chat(id: ${index}) { id }`)} }`,
  (size) => `{ ${times(size, () => 'departments { agents { name } }')} }`,
  (size) => times(size, (index) => `query Q${index} { __typename }`),
  (size) => `${'#'.repeat(size * 20)}\n{ __typename }`,
  (size) => `{ __type(name: "Chat") { ${nest('fields { type { ', '} } ', size, 'name ')} } }`,
];

const kinds: readonly ((random: Random) => AbusiveRequest)[] = [
  (random) => post('random bytes', bytes(random, random.integer(0, 2_000))),
  (random) =>
    post(
      'random bytes in a query',
      JSON.stringify({ query: bytes(random, 200).toString('latin1') }),
    ),
  (random) => operation('broken GraphQL', broken(random), JSON.stringify({ id: 5208 })),
  (random) => {
    const size = 4 ** random.integer(1, 6) + random.integer(0, 50);
    return operation('overload', random.pick(overloads)(size));
  },
  (random) => {
    const size = 10 ** random.integer(1, 4);
    const value = random.pick([
      () => nest('{"anyOf":[', ']}', size, '{}'),
      () => nest('[', ']', size),
      () => nest('{"a":', '}', size),
      () => `[${'1,'.repeat(size)}1]`,
      () => `"${'x'.repeat(size * 20)}"`,
      () => `{${times(size, (index) => `"k${index}":1,`)}"k":1}`,
    ])();
    return operation(
      'huge variables',
      random.pick(documents),
      `{${JSON.stringify(random.pick(names))}:${value}}`,
    );
  },
  (random) =>
    operation(
      'wrong types',
      random.pick(documents),
      JSON.stringify(Object.fromEntries(names.map((name) => [name, oddValue(random)]))),
    ),
  (random) => {
    const value = JSON.stringify(oddValue(random));
    const key = random.pick(['__proto__', 'constructor', 'prototype']);
    return post(
      'prototypes',
      random.pick([
        `{"query":"{ __typename }","variables":{"${key}":${value}}}`,
        `{"${key}":${value},"query":"{ __typename }"}`,
        `{"query":"query ($filter: ChatFilter) { chats(filter: $filter) { totalCount } }","variables":{"filter":{"${key}":${value}}}}`,
        `{"query":"{ __typename }","operationName":"${key}"}`,
        `{"query":"{ __typename }","extensions":{"${key}":${value},"persistedQuery":{"${key}":${value}}}}`,
        `{"id":"${key}"}`,
        `{"query":"{ ${key} }"}`,
        `{"query":"{ ...${key} }"}`,
        `{"query":"{ a: node(nodeId: \\"${Buffer.from(`${key}:1`).toString('base64')}\\") { ${key} } }"}`,
        `{"query":"query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }","variables":{"r":[{"__typename":"${key}","id":${value}}]}}`,
      ]),
    );
  },
  (random) =>
    post(
      'wrong parts of a request',
      JSON.stringify({
        query: random.isLucky(0.5) ? random.pick(documents) : oddValue(random),
        variables: oddValue(random),
        operationName: oddValue(random),
        extensions: oddValue(random),
      }),
    ),
  (random) => ({
    kind: 'odd GETs',
    method: random.pick(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'GET', 'GET']),
    path: `/${random.pick(['graphql', 'graphql', 'graphql', 'healthz', 'webhooks/helpcrunch', 'metrics/..', '%2e%2e/'])}?${new URLSearchParams(
      {
        query: random.pick(documents),
        variables: JSON.stringify(oddValue(random)),
        extensions: random.pick(['{', JSON.stringify(oddValue(random))]),
        [random.pick(names) || 'x']: String(random.pick(odd)).slice(0, 500),
      },
    ).toString()}`.slice(0, 12_000),
    headers: random.isLucky(0.5) ? { 'apollo-require-preflight': '1' } : {},
    body: '',
  }),
  (random) =>
    post('odd types', JSON.stringify({ query: '{ __typename }' }), {
      'content-type': random.pick([
        'text/plain',
        'application/json; charset=utf-16',
        'multipart/form-data',
        'application/graphql',
        'x',
        'application/json;;',
        '*/*',
      ]),
    }),
];

/** Requests that nobody of good will would send; the same for the same seed. */
export function* createAbuse(seed: number): Generator<AbusiveRequest, never> {
  for (let index = 0; ; index += 1) {
    const random = createRandom(seed, index);
    const kind = kinds[index % kinds.length];
    if (kind !== undefined) yield kind(random);
  }
}

export interface Outcome {
  /** 0 when the line was closed without an answer. */
  readonly status: number;
  readonly text: string;
}

/** Asks over a few lines that stay open, as `fetch` would refuse to send much of this. */
export function createAbuser(url: string, lines: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: lines });

  const send = (asked: AbusiveRequest): Promise<Outcome> =>
    new Promise((resolve) => {
      const { method, path, headers, body } = asked;
      const call = request(url + path, {
        method,
        agent,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      });
      call.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('close', () => {
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
        });
      });
      // A line may be closed after an answer, at the moment when it is used again: then nobody has heard the request.
      call.on('error', () => {
        resolve(call.reusedSocket ? send(asked) : { status: 0, text: '' });
      });
      call.end(body);
    });

  return { send, close: () => agent.destroy() };
}

/** What of an outcome would be a fault of the gateway's; undefined for a proper answer. */
export function faultOf({ status, text }: Outcome): string | undefined {
  if (status === 0) return 'no answer';
  if (status >= 500) return `status ${status}`;
  if (text.includes('INTERNAL_SERVER_ERROR')) return 'a bug of the gateway';
  if (text.length > 200_000) return `an answer of ${text.length} bytes`;
  return undefined;
}
