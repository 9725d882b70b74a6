import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createLog } from '../src/observability/log.ts';
import type { CannedResponse, RecordingUpstream } from './support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from './support/recordingUpstream.ts';
import { flushMicrotasks } from './support/permitCallers.ts';
import { startTestGateway } from './support/gateway.ts';
import { createManualClock } from './support/manualClock.ts';
import { propertyParameters } from './support/propertyRuns.ts';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

/** What may never come out again, in an answer or in a line of the log. */
const secrets = {
  key: 'canary-key-4711',
  token: 'eyJhbGciOiJIUzI1NiJ9.Y2FuYXJ5LXRva2Vu.canary-signature',
  body: 'canary-body',
  header: 'canary-header',
  path: 'canary-path',
  host: 'canary-host',
};

/** Values that a response may contain if the client selects them, and that no log may contain. */
const personal = {
  email: 'canary.person@example.com',
  text: 'canary-message',
  name: 'Canary Nightingale',
};

const page = `<html>${Object.values(secrets).join(' ')} ${Object.values(personal).join(' ')}</html>`;
const leaky = { 'x-trace': secrets.header, 'set-cookie': secrets.header, server: secrets.host };

const chat = wireChat({
  lastMessageText: personal.text,
  customer: { id: 7001, name: personal.name, email: personal.email, userId: 'u' },
});

const faults: readonly CannedResponse[] = [
  { status: 500, body: page, headers: leaky },
  { status: 502, body: { errors: [{ code: 'x', message: page }] }, headers: leaky },
  { status: 503, body: '', headers: { ...leaky, 'retry-after': secrets.header } },
  { status: 401, body: { errors: [{ code: 'unauthorized', message: `bad key ${secrets.key}` }] } },
  { status: 403, body: { errors: [{ code: secrets.key, message: 'no' }] }, headers: leaky },
  { status: 404, body: { errors: [{ code: 'not_fount', message: 'no' }] }, headers: leaky },
  { status: 422, body: page, headers: leaky },
  { status: 429, body: page, headers: leaky },
  {
    status: 302,
    headers: { ...leaky, location: `http://${secrets.host}.invalid/${secrets.path}` },
  },
  { body: `{"data":[${secrets.body}` },
  { body: page },
  { body: { data: secrets.body, id: secrets.body, [secrets.body]: [secrets.body] } },
  { body: { data: [chat], ...chat }, headers: leaky },
  { body: { data: [chat, { id: secrets.body }] } },
  { body: secrets.body.repeat(2_000) },
];

let helpCrunch: RecordingUpstream;
let gateways: readonly Gateway[];
let turn = 0;

/** Goes on by itself: after a refusal for being too many the gateway waits, and so would the test. */
const clock = createManualClock();

async function asTimeGoesBy<T>(work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = () => (isDone = true);
  void work.then(done, done);
  const isWaiting = () => !isDone;
  while (isWaiting()) {
    await flushMicrotasks();
    clock.advance(5_000);
  }
  return work;
}

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('*', (_call, response) => {
    turn += 1;
    const fault = faults[turn % (faults.length + 1)];
    if (fault === undefined) response.destroy();
    return fault;
  });
  const day = 86_400_000;
  const config = {
    rateLimit: 0,
    upstreamTimeoutMs: day,
    operationTimeoutMs: day,
    upstreamMaxBytes: 16_384,
    metricsServer: { host: '127.0.0.1', port: 0 },
  };
  const { key } = secrets;
  const start = (url: string, isProduction: boolean) =>
    startTestGateway({ upstream: { url, key }, config: { ...config, isProduction }, clock });
  gateways = [
    await start(`${helpCrunch.url}/${secrets.path}`, true),
    await start(`${helpCrunch.url}/${secrets.path}`, false),
    await start(`http://${secrets.host}.invalid/${secrets.path}`, true),
  ];
});

afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await helpCrunch[Symbol.asyncDispose]();
});

const selections = [
  'chat(id: $id) { id lastMessageText customer { name email phone tags { name } } assignee { email } }',
  'chats(first: 3) { totalCount nodes { id messages { nodes { text } } } }',
  'customers(filter: { email: { equals: $email } }) { nodes { id chats { nodes { id } } } }',
  'customerByUserId(userId: $email) { name }',
  'agents { email chats(first: 1) { nodes { id } } }',
  'departments { name agents { name } }',
  'applications { name } organization { domain }',
  '_entities(representations: [{ __typename: "Customer", userId: $email }]) { ... on Customer { name } }',
  'nothing(of: $email) { here }',
  'chat(id: $email) { id }',
];

const scenario = fc.record({
  // The last one resolves an unknown host name, which takes long.
  gateway: fc.constantFrom(...Array(10).fill([0, 1]).flat(), 2),
  kind: fc.constantFrom('query', 'query', 'query', 'mutation', 'broken'),
  selections: fc.subarray(selections, { minLength: 1, maxLength: 4 }),
  id: fc.constantFrom('5208', '1', '', personal.email),
  asks: fc.constantFrom({}, { 'cache-control': 'no-cache' }, { 'x-request-id': 'mine' }),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never;

function documentOf({ kind, selections: fields }: Scenario): string {
  if (kind === 'mutation') {
    return 'mutation ($id: ID!) { markChatRead(id: $id, by: AGENT, read: true) { lastMessageText } }';
  }
  const text = `query ($id: ID! = 1, $email: String! = "") { ${fields.join(' ')} }`;
  return kind === 'broken' ? text.slice(0, -3) : text;
}

async function run(asked: Scenario): Promise<string> {
  const gateway = gateways[asked.gateway]!;
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${secrets.token}`,
      ...asked.asks,
    },
    body: JSON.stringify({
      query: documentOf(asked),
      variables: { id: asked.id, email: personal.email },
    }),
  });
  return JSON.stringify([[...response.headers], await response.text()]);
}

const found = (text: string, canaries: readonly string[]) =>
  canaries.filter((canary) => text.includes(canary));

test('no response, log line or metric contains a secret, for any operation and upstream failure', async () => {
  const codes = new Set<string>();

  await fc.assert(
    fc.asyncProperty(fc.array(scenario, { minLength: 20, maxLength: 20 }), async (many) => {
      const answers = await asTimeGoesBy(Promise.all(many.map(run)));

      for (const answer of answers) {
        expect(found(answer, Object.values(secrets))).toEqual([]);
        for (const [code] of answer.matchAll(/[A-Z]+(_[A-Z]+)+/g)) codes.add(code);
      }
    }),
    propertyParameters(60),
  );

  const lines = gateways.flatMap(({ logged }) => logged).join('');
  const metrics = await Promise.all(
    gateways.map(async ({ metricsUrl }) => (await fetch(`${metricsUrl}/metrics`)).text()),
  );
  for (const text of metrics) expect(text).toContain('helpcrunch_build_info');
  expect(
    found(lines + metrics.join(''), [...Object.values(secrets), ...Object.values(personal)]),
  ).toEqual([]);
  expect(lines.split('\n').length).toBeGreaterThan(100);
  expect([...codes]).toEqual(
    expect.arrayContaining([
      'UPSTREAM_UNAVAILABLE',
      'UPSTREAM_UNAUTHENTICATED',
      'UPSTREAM_FORBIDDEN',
      'UPSTREAM_INVALID_RESPONSE',
      'NOT_FOUND',
      'BAD_USER_INPUT',
      'GRAPHQL_PARSE_FAILED',
      'GRAPHQL_VALIDATION_FAILED',
    ]),
  );
});

describe('log redaction', () => {
  function logged(error: unknown, fields: Record<string, unknown> = {}): string {
    const lines: string[] = [];
    const log = createLog({ write: (line) => lines.push(line) });
    log.error('operation failed', { requestId: 'r-1', error, ...fields });
    return lines.join('');
  }

  test.each([
    ['a token', `Authorization: Bearer ${secrets.token}`, 'canary'],
    ['a token in small letters', 'authorization: bearer canary-1', 'canary'],
    ['a signed token alone', `cannot read ${secrets.token}`, 'canary'],
    ['an e-mail address', `no such customer ${personal.email}`, 'canary'],
    ['a quoted e-mail address', `{"email":"${personal.email}"}`, 'canary'],
    ['an address with a password', 'redis://user:canary@10.0.0.1:6379/0 refused', 'canary'],
    ['a parameter of an address', 'GET /v1?api_key=canary&token=canary failed', 'canary'],
  ])('a log line contains no %s, even when the logged error does', (_what, message, secret) => {
    const line = logged(new Error(message, { cause: new TypeError(message) }));

    expect(line).not.toContain(secret);
    expect(JSON.parse(line)).toMatchObject({ msg: 'operation failed', requestId: 'r-1' });
  });

  test.each([
    'authorization',
    'password',
    'token',
    'apiKey',
    'key',
    'secret',
    'cookie',
    'body',
    'variables',
  ])('a log line contains no %s, even when it is logged as a field', (name) => {
    const line = logged(undefined, { [name]: 'canary', request: { [name]: 'canary' } });

    expect(line).not.toContain('canary');
  });

  test('a log line keeps the fields that an operator needs', () => {
    const error = new TypeError('Cannot read properties of undefined (reading "id")');

    const line = JSON.parse(logged(error));

    expect(line.error).toMatchObject({ type: 'TypeError', message: error.message });
    expect(line.error.stack).toContain('leaks.test.ts');
  });
});
