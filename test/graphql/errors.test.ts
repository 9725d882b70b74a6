import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { HeaderMap } from '@apollo/server';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { GraphQLError } from 'graphql';
import { readConfig } from '../../src/config/settings.ts';
import { OperationCache } from '../../src/graphql/operations/operationCache.ts';
import { createDocumentValidation } from '../../src/graphql/limits/documentLimits.ts';
import { createPersistedDocuments } from '../../src/graphql/operations/persistedDocuments.ts';
import { createCostLimiter } from '../../src/graphql/cost/limiter.ts';
import { createGraphqlJsExecutor } from '../../src/graphql/execution/graphqlJsExecutor.ts';
import { createGraphQLServer } from '../../src/graphql/server.ts';
import { createLog } from '../../src/observability/log.ts';
import type { CannedResponse, RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import type { GraphQLResponse } from '../support/gateway.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';

type Handler = Parameters<RecordingUpstream['respond']>[1];
type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

const maxBytes = 8_192;
const upstreamTimeoutMs = 8_000;
const operationTimeoutMs = 10_000;
const firstEstimate = 2_000;

const clock = createManualClock();
const config = {
  rateLimit: 0,
  upstreamMaxBytes: maxBytes,
  upstreamTimeoutMs,
  operationTimeoutMs,
};

let helpCrunch: RecordingUpstream;
let elsewhere: RecordingUpstream;
let gateway: Gateway;
/** A gateway whose deadline is shorter than any Retry-After. */
let hasty: Gateway;

beforeAll(async () => {
  // The loss of a reused connection is not a fault of HelpCrunch.
  helpCrunch = await startRecordingUpstream({ keepsAlive: false });
  elsewhere = await startRecordingUpstream();
  elsewhere.respond('*', { body: wireChat() });
  gateway = await startTestGateway({ upstream: helpCrunch, clock, config });
  hasty = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { ...config, operationTimeoutMs: 1_000 },
  });
});

afterAll(async () => {
  await gateway.stop();
  await hasty.stop();
  await helpCrunch[Symbol.asyncDispose]();
  await elsewhere[Symbol.asyncDispose]();
});

/** Bypasses the cache, which may contain responses of earlier tests. */
const ask = (document: string, variables?: Record<string, unknown>, asked = gateway) =>
  asked.query(document, variables, { 'cache-control': 'no-cache' });

const chats = [
  wireChat({ id: 1, customer: { id: 7001, name: 'Taras' } }),
  wireChat({ id: 2, customer: { id: 7002, name: 'Lesya' } }),
];

beforeEach(() => {
  helpCrunch.respond('GET /chats', { body: { data: chats, meta: { total: 2 } } });
  // Whatever the last test has spent or closed is open again.
  clock.advance(700_000);
});

const mark = 'mutation { markChatRead(id: 5208, by: AGENT, read: true) { id readByAgent } }';
const list = '{ chats { nodes { id customer { id phone } } } }';

/** The two places where each failure is watched: the whole of a mutation, and a field inside a list. */
const places = [
  {
    place: 'markChatRead',
    route: 'PUT /chats/readByAgent',
    operation: mark,
    calls: 1,
    isBatch: false,
    data: { markChatRead: null },
    paths: [['markChatRead']],
  },
  {
    place: 'a phone number of a customer in a list of chats',
    route: 'POST /customers/search',
    operation: list,
    calls: 2,
    isBatch: true,
    data: {
      chats: {
        nodes: [
          { id: '1', customer: { id: '7001', phone: null } },
          { id: '2', customer: { id: '7002', phone: null } },
        ],
      },
    },
    paths: [
      ['chats', 'nodes', 0, 'customer', 'phone'],
      ['chats', 'nodes', 1, 'customer', 'phone'],
    ],
  },
];

type Place = (typeof places)[number];

const usage = (calls: number) => ({
  upstream: {
    ...{ calls, cacheHits: 0, shared: 0 },
    ...(calls === 0 ? {} : { rateLimit: { limit: 0, remaining: 0 } }),
  },
});

const canary = 'canary-4711';

/** Strings that no response may contain. `127.0.0.1` is the upstream host. */
const secrets = [
  canary,
  'fake-key',
  'Bearer',
  '127.0.0.1',
  'nowhere.invalid',
  'node_modules',
  'ECONN',
  'ENOTFOUND',
  'FetchError',
  '/chats/readByAgent',
  '/customers/search',
];

function expectNothingElseLeaves(answer: GraphQLResponse) {
  const text = JSON.stringify([answer.errors, answer.extensions, [...answer.headers]]);
  for (const secret of secrets) expect(text).not.toContain(secret);
}

/** The errors and all else that is beside the data, to the last key. */
function expectFailure(answer: GraphQLResponse, place: Place, extensions: object) {
  expect(answer.data).toEqual(place.data);
  expect(answer.status).toBe(200);
  expect(answer.errors).toEqual(
    place.paths.map((path) => ({
      message: expect.stringMatching(/^[A-Z].*\.$/),
      locations: [expect.anything()],
      path,
      extensions: { ...extensions, requestId: answer.headers.get('x-request-id') },
    })),
  );
  expect(answer.extensions).toEqual(usage(place.calls));
  expectNothingElseLeaves(answer);
}

const entry = (code: string, message: string) => ({ code, message });
const envelope = (...errors: readonly unknown[]) => ({ errors });

const badCustomer = [
  entry('invalid_request', 'Invalid request'),
  entry('customer', 'This value should be of type numeric.'),
  entry('filter[0].field', 'This value should not be blank.'),
];
const unauthorized = [
  entry('invalid_request', 'Invalid request'),
  entry('unauthorized', 'Unauthorized'),
];
const invalidToken = [entry('invalid_token', 'Invalid token')];
const tooMany = [
  entry('invalid_request', 'Invalid request'),
  entry('too_many_requests', 'Too many requests'),
];
const some = [entry('some_code', 'Some message')];

const notRetryable = (code: string) => ({ code, retryable: false });
const retryable = (code: string) => ({ code, retryable: true });

const refusals = [
  { status: 400, errors: badCustomer, expected: notRetryable('BAD_USER_INPUT') },
  { status: 401, errors: unauthorized, expected: notRetryable('UPSTREAM_UNAUTHENTICATED') },
  { status: 401, errors: invalidToken, expected: notRetryable('UPSTREAM_UNAUTHENTICATED') },
  { status: 403, errors: some, expected: notRetryable('UPSTREAM_FORBIDDEN') },
  { status: 405, errors: some, expected: notRetryable('BAD_USER_INPUT') },
  { status: 408, errors: some, expected: retryable('UPSTREAM_TIMEOUT') },
  { status: 409, errors: some, expected: notRetryable('CONFLICT') },
  { status: 413, errors: some, expected: notRetryable('BAD_USER_INPUT') },
  { status: 422, errors: some, expected: notRetryable('BAD_USER_INPUT') },
];

const httpDate = (fromNowMs: number) => new Date(clock.now() + fromNowMs).toUTCString();

const waits = [
  { name: 'in seconds', header: () => '7', retryAfterMs: 7_000 },
  { name: 'of 0', header: () => '0', retryAfterMs: firstEstimate },
  { name: 'as a date', header: () => httpDate(30_000), retryAfterMs: 30_000 },
  { name: 'as a date gone by', header: () => httpDate(-30_000), retryAfterMs: firstEstimate },
  { name: 'left out', header: () => undefined, retryAfterMs: firstEstimate },
  { name: 'in words', header: () => 'soon', retryAfterMs: firstEstimate },
  { name: 'with a fraction', header: () => '1.5', retryAfterMs: firstEstimate },
  { name: 'below 0', header: () => '-5', retryAfterMs: firstEstimate },
];

const trouble = { errors: [entry(canary, `SQLSTATE ${canary}`)], trace: canary };

const broken = (write: (response: ServerResponse) => void): Handler =>
  function answer(_call, response) {
    write(response);
    return undefined;
  };

const unanswered: readonly { name: string; handler: Handler }[] = [
  { name: 'a 500', handler: { status: 500, body: trouble } },
  { name: 'a 502 in HTML', handler: { status: 502, body: `<html>${canary}</html>` } },
  { name: 'a 503', handler: { status: 503, body: trouble } },
  { name: 'a 503 without a body', handler: { status: 503 } },
  { name: 'a 504', handler: { status: 504, body: trouble } },
  {
    name: 'a connection closed before the answer',
    handler: broken((response) => response.destroy()),
  },
  {
    name: 'a connection closed within a response with Content-Length',
    handler: broken((response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write(`{"id":5208,"x":"${canary}`, () => response.destroy());
    }),
  },
  {
    name: 'a connection closed within a chunked response',
    handler: broken((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(JSON.stringify(wireChat()), () => response.destroy());
    }),
  },
  {
    name: 'a response that is not HTTP',
    handler: broken(({ socket }) => socket?.end('220 hello\n')),
  },
];

const unreadableSuccesses: readonly { name: string; handler: Handler }[] = [
  { name: 'HTML', handler: { body: `<html>${canary}</html>` } },
  { name: 'nothing', handler: { body: '' } },
  { name: 'a 204', handler: { status: 204 } },
  { name: 'broken JSON', handler: { body: `{"id":5208,"data":[],"x":"${canary}` } },
  { name: 'null', handler: { body: 'null' } },
  { name: 'a text', handler: { body: '"Ok"' } },
  { name: 'a number', handler: { body: '5208' } },
  { name: 'a list where an object belongs', handler: { body: [wireChat()] } },
  { name: 'an empty object', handler: { body: {} } },
  { name: 'an object where a list belongs', handler: { body: { id: 1, data: {}, agents: {} } } },
  { name: 'rows without an id', handler: { body: { data: [{ name: canary }], name: canary } } },
  { name: 'an id that is none', handler: { body: { id: canary, data: [{ id: canary }] } } },
  { name: 'an id that is an object', handler: { body: { id: {}, data: [{ id: {} }] } } },
  { name: 'a text where a row belongs', handler: { body: { data: [canary] } } },
  {
    name: 'more than the size limit at once',
    handler: { body: JSON.stringify({ ...wireChat(), data: [], x: canary.repeat(1_000) }) },
  },
  {
    name: 'more than the size limit in chunks',
    handler: broken((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"data":[],"id":5208,"x":"');
      response.write('y'.repeat(maxBytes));
      response.end('"}');
    }),
  },
];

const redirects: readonly { name: string; handler: Handler }[] = [
  ...[301, 302, 303, 307, 308].map((status) => ({
    name: `a redirect with status ${status}`,
    handler: (call: { path: string }): CannedResponse => ({
      status,
      headers: { location: `${elsewhere.url}${call.path}?${canary}` },
      body: wireChat(),
    }),
  })),
  { name: 'a 304', handler: { status: 304 } },
];

describe.each(places)('$place', (place) => {
  test.each(refusals)(
    'an upstream $status fails as $expected.code with the entries of HelpCrunch',
    async ({ status, errors, expected }) => {
      helpCrunch.respond(place.route, { status, body: { errors } });

      const answer = await ask(place.operation);

      // A batch may have been refused for its size, so half of it is tried.
      const calls = place.calls + (place.isBatch && [400, 413].includes(status) ? 2 : 0);
      expectFailure(answer, { ...place, calls }, { ...expected, upstream: { status, errors } });
      expect(answer.headers.get('retry-after')).toBeNull();
    },
  );

  test.each(waits)(
    'an upstream 429 with a Retry-After $name fails with retryAfterMs $retryAfterMs',
    async ({ header, retryAfterMs }) => {
      // A call that succeeds ends what an earlier refusal has taught.
      await ask('{ chats { totalCount } }', undefined, hasty);
      const value = header();
      helpCrunch.respond(place.route, {
        status: 429,
        body: { errors: tooMany },
        ...(value === undefined ? {} : { headers: { 'retry-after': value } }),
      });

      const answer = await ask(place.operation, undefined, hasty);

      expectFailure(answer, place, {
        code: 'RATE_LIMITED',
        retryable: true,
        retryAfterMs,
        reason: 'ACCOUNT_LIMIT',
        upstream: { status: 429, errors: tooMany },
      });
      expect(answer.headers.get('retry-after')).toBe(String(retryAfterMs / 1000));
    },
  );

  test.each(unanswered)(
    'an operation fails as UPSTREAM_UNAVAILABLE after $name',
    async ({ handler }) => {
      helpCrunch.respond(place.route, handler);

      const answer = await ask(place.operation);

      expectFailure(answer, place, retryable('UPSTREAM_UNAVAILABLE'));
    },
  );

  test.each(place.isBatch ? [...unreadableSuccesses, ...redirects] : redirects)(
    'an operation fails as UPSTREAM_INVALID_RESPONSE after $name',
    async ({ handler }) => {
      helpCrunch.respond(place.route, handler);

      const answer = await ask(place.operation);

      expectFailure(answer, place, notRetryable('UPSTREAM_INVALID_RESPONSE'));
      expect(elsewhere.calls).toHaveLength(0);
    },
  );

  test.each([
    { what: 'no response', write: () => undefined },
    {
      what: 'a response that does not end',
      write: (response: ServerResponse) => response.writeHead(200).write('{'),
    },
  ])(
    'an operation fails as UPSTREAM_TIMEOUT after $what within the timeout of an attempt',
    async ({ write }) => {
      const [held, hold] = holding((response) => write(response));
      helpCrunch.respond(place.route, hold);

      const asked = ask(place.operation);
      const response = await held;
      const letGo = once(response, 'close');
      clock.advance(upstreamTimeoutMs);

      expectFailure(await asked, place, retryable('UPSTREAM_TIMEOUT'));
      await letGo;
    },
  );
});

test.each(unreadableSuccesses)(
  'a mutation that HelpCrunch has confirmed with $name returns the written value, if the chat cannot be read either',
  async ({ handler }) => {
    helpCrunch.respond('PUT /chats/readByAgent', handler);
    helpCrunch.respond('GET /chats/5208', handler);

    const answer = await ask(mark);

    expect(answer.errors).toEqual([]);
    expect(answer.data).toEqual({ markChatRead: { id: '5208', readByAgent: true } });
    expect(answer.extensions).toEqual(usage(2));
    expectNothingElseLeaves(answer);
  },
);

/** A handler without a response, and a promise of the response object that it received. */
function holding(begin: (response: ServerResponse) => unknown = () => undefined) {
  let hold: Handler | undefined;
  const held = new Promise<ServerResponse>((resolve) => {
    hold = (_call, response) => {
      begin(response);
      resolve(response);
      return undefined;
    };
  });
  return [held, hold!] as const;
}

describe('deadlines', () => {
  test('an operation ends at its deadline with the completed fields', async () => {
    const [listHeld, holdList] = holding();
    const [customersHeld, holdCustomers] = holding();
    helpCrunch.respond('GET /chats', holdList);
    helpCrunch.respond('POST /customers/search', holdCustomers);
    let isAnswered = false;

    const asked = ask(list).finally(() => (isAnswered = true));
    const listResponse = await listHeld;
    clock.advance(3_000);
    listResponse.end(JSON.stringify({ data: chats, meta: { total: 2 } }));
    const letGo = once(await customersHeld, 'close');
    clock.advance(operationTimeoutMs - 3_000 - 1);
    await fetch(`${gateway.url}/healthz`);
    const wasAnsweredEarly = isAnswered;
    clock.advance(1);

    expectFailure(await asked, places[1]!, retryable('UPSTREAM_TIMEOUT'));
    expect(wasAnsweredEarly).toBe(false);
    await letGo;
  });

  test('the deadline of one operation does not affect others', async () => {
    const [firstHeld, holdFirst] = holding();
    const [secondHeld, holdSecond] = holding();
    helpCrunch.respond('GET /chats/1', holdFirst);
    helpCrunch.respond('GET /chats/2', holdSecond);

    const first = ask('{ chat(id: 1) { id } }');
    await firstHeld;
    clock.advance(upstreamTimeoutMs - 1_000);
    const second = ask('{ chat(id: 2) { id } }');
    const response = await secondHeld;
    clock.advance(1_000);
    const late = await first;
    response.end(JSON.stringify(wireChat({ id: 2 })));

    expect(late.errors[0]?.extensions).toMatchObject(retryable('UPSTREAM_TIMEOUT'));
    expect((await second).data).toEqual({ chat: { id: '2' } });
  });
});

describe('an unreachable HelpCrunch', () => {
  test('a refused connection fails as UPSTREAM_UNAVAILABLE', async () => {
    const gone = await startRecordingUpstream();
    await gone[Symbol.asyncDispose]();
    await using lonely = await startTestGateway({ upstream: gone, clock, config });

    const answer = await lonely.query(mark);

    expectFailure(answer, places[0]!, retryable('UPSTREAM_UNAVAILABLE'));
    expect(lonely.logged.join('')).not.toContain('fake-key');
  });

  test('an unknown host name fails as UPSTREAM_UNAVAILABLE', async () => {
    const nowhere = { url: 'http://nowhere.invalid/v1', key: 'fake-key' };
    await using lonely = await startTestGateway({ upstream: nowhere, clock, config });

    const answer = await lonely.query(mark);

    expectFailure(answer, places[0]!, retryable('UPSTREAM_UNAVAILABLE'));
    expect(lonely.logged.join('')).not.toContain('fake-key');
  });
});

describe('missing entities', () => {
  const notFound = [
    entry('invalid_request', 'Invalid request'),
    entry('not_found', 'Chat not found'),
  ];
  const notFount = [entry('not_fount', 'Chat for ID "5208" was not found')];

  test.each([{ errors: notFount }, { errors: notFound }])(
    'markChatRead of an unknown chat fails as NOT_FOUND for the upstream errors $errors',
    async ({ errors }) => {
      helpCrunch.respond('PUT /chats/readByAgent', { status: 404, body: { errors } });

      const answer = await ask(mark);

      expectFailure(answer, places[0]!, {
        ...notRetryable('NOT_FOUND'),
        upstream: { status: 404, errors },
      });
    },
  );

  test('a deleted customer is null in its chat, without an error', async () => {
    helpCrunch.respond('GET /chats', { body: { data: [chats[0]], meta: { total: 1 } } });
    helpCrunch.respond('GET /customers/7001', { status: 404, body: { errors: notFound } });

    const answer = await ask(list);

    expect(answer.data).toEqual({ chats: { nodes: [{ id: '1', customer: null }] } });
    expect(answer.errors).toEqual([]);
  });

  test('a 404 for a list of customers is not treated as a deleted customer', async () => {
    helpCrunch.respond('POST /customers/search', { status: 404, body: `<html>${canary}</html>` });

    const answer = await ask(list);

    expectFailure(answer, places[1]!, {
      ...notRetryable('UPSTREAM_INVALID_RESPONSE'),
      upstream: { status: 404, errors: [] },
    });
  });
});

describe('error entries of HelpCrunch', () => {
  const generic = entry('invalid_request', 'Invalid request');
  const specific = entry('invalid_chat_value', 'status value is invalid');
  const many = Array.from({ length: 12 }, (_, index) => entry(`code_${index}`, `message ${index}`));

  test.each([
    { name: 'one', body: envelope(specific), errors: [specific] },
    {
      name: 'the specific one first',
      body: envelope(specific, generic),
      errors: [specific, generic],
    },
    {
      name: 'the specific one last',
      body: envelope(generic, specific),
      errors: [generic, specific],
    },
    { name: 'more than ten', body: envelope(...many), errors: many.slice(0, 10) },
    { name: 'none', body: envelope(), errors: [] },
    { name: 'no list', body: { errors: specific }, errors: [] },
    { name: 'null for a list', body: { errors: null }, errors: [] },
    { name: 'another form', body: { error: canary, message: canary }, errors: [] },
    { name: 'a list for an envelope', body: [specific], errors: [] },
    { name: 'null for an envelope', body: 'null', errors: [] },
    { name: 'HTML', body: `<html>${canary}</html>`, errors: [] },
    { name: 'no objects', body: envelope(1, null, canary, [canary], true, {}), errors: [] },
    {
      name: 'an object among others',
      body: envelope(null, specific, canary),
      errors: [specific],
    },
    {
      name: 'more than a code and a message',
      body: envelope({ ...specific, trace: canary, file: canary }),
      errors: [specific],
    },
    {
      name: 'a number for a code',
      body: envelope({ code: 42, message: 'x' }),
      errors: [entry('42', 'x')],
    },
    { name: 'no code', body: envelope({ message: 'x' }), errors: [entry('', 'x')] },
    {
      name: 'an object for a message',
      body: envelope({ code: 'x', message: { trace: canary } }),
      errors: [entry('x', '')],
    },
    {
      name: 'a message of 300 characters',
      body: envelope(entry('x', 'm'.repeat(300))),
      errors: [entry('x', 'm'.repeat(300))],
    },
    {
      name: 'a longer message',
      body: envelope(entry('x', `${'m'.repeat(300)} ${canary}`)),
      errors: [entry('x', 'm'.repeat(300))],
    },
    {
      name: 'the key in a message and a code',
      body: envelope(entry('fake-key', 'No account for fake-key, fake-key')),
      errors: [entry('***', 'No account for ***, ***')],
    },
    {
      name: 'the key where a message is cut',
      body: envelope(entry('x', `${'m'.repeat(296)}fake-key`)),
      errors: [entry('x', `${'m'.repeat(296)}***`)],
    },
  ])(
    'the error entries of an upstream response with $name are sanitized and short',
    async ({ body, errors }) => {
      helpCrunch.respond('PUT /chats/readByAgent', { status: 400, body });

      const answer = await ask(mark);

      expectFailure(answer, places[0]!, {
        ...notRetryable('BAD_USER_INPUT'),
        upstream: { status: 400, errors },
      });
    },
  );

  test('an error message is never truncated within a character', async () => {
    const message = `a${'😀'.repeat(200)}`;
    helpCrunch.respond('PUT /chats/readByAgent', {
      status: 400,
      body: envelope({ code: 'x', message }),
    });

    const { errors } = await ask(mark);

    const [shown] = errors[0]?.extensions['upstream'].errors;
    expect(shown.message).toMatch(/^a(😀)+$/u);
  });

  test('Retry-After is returned for retryable errors only', async () => {
    const headers = { 'retry-after': '7' };
    helpCrunch.respond('GET /chats/1', { status: 503, headers });
    helpCrunch.respond('GET /chats/2', { status: 400, headers, body: envelope(specific) });

    const unavailable = await ask('{ chat(id: 1) { id } }');
    const rejected = await ask('{ chat(id: 2) { id } }');

    expect(unavailable.errors[0]?.extensions).toMatchObject({ retryAfterMs: 7_000 });
    expect(unavailable.headers.get('retry-after')).toBe('7');
    expect(rejected.errors[0]?.extensions).not.toHaveProperty('retryAfterMs');
    expect(rejected.headers.get('retry-after')).toBeNull();
  });

  test.each([
    ['0', () => '0', undefined],
    ['a fraction', () => '1.5', undefined],
    ['a negative number', () => '-5', undefined],
    ['a time that has passed', () => httpDate(-30_000), undefined],
    ['1970', () => 'Thu, 01 Jan 1970 00:00:00 GMT', undefined],
    ['a time in a second', () => httpDate(1_000), 1_000],
    ['11 days', () => '999999', 600_000],
    ['3,000 years', () => '99999999999', 600_000],
    ['a time tomorrow', () => httpDate(86_400_000), 600_000],
  ])('a 503 with a Retry-After of %s is limited', async (_name, header, retryAfterMs) => {
    helpCrunch.respond('GET /chats/1', { status: 503, headers: { 'retry-after': header() } });

    const { errors, headers } = await ask('{ chat(id: 1) { id } }');

    expect(errors[0]?.extensions['retryAfterMs']).toBe(retryAfterMs);
    expect(headers.get('retry-after')).toBe(retryAfterMs ? String(retryAfterMs / 1000) : null);
  });

  test.each([
    ['11 days', () => '999999'],
    ['3,000 years', () => '99999999999'],
    ['a time tomorrow', () => httpDate(86_400_000)],
  ])(
    'a 429 with a Retry-After of %s closes the rate limit for ten minutes',
    async (_name, header) => {
      helpCrunch.respond('GET /chats/1', { status: 429, headers: { 'retry-after': header() } });
      await using closed = await startTestGateway({ upstream: helpCrunch, clock, config });

      const { errors, headers } = await ask('{ chat(id: 1) { id } }', undefined, closed);

      expect(errors[0]?.extensions['retryAfterMs']).toBe(600_000);
      expect(headers.get('retry-after')).toBe('600');
    },
  );

  test('the error entries of a response in another charset are not decoded', async () => {
    helpCrunch.respond('GET /chats/1', {
      status: 400,
      body: envelope(specific),
      headers: { 'content-type': 'application/json; charset=windows-1251' },
    });

    const { errors } = await ask('{ chat(id: 1) { id } }');

    expect(errors[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      upstream: { status: 400, errors: [] },
    });
  });

  test('the Retry-After header is the longest of several waits', async () => {
    const errors = tooMany;
    helpCrunch.respond('GET /chats/1', {
      status: 429,
      headers: { 'retry-after': '3' },
      body: { errors },
    });
    helpCrunch.respond('GET /chats/2', {
      status: 429,
      headers: { 'retry-after': '9' },
      body: { errors },
    });

    // A call that succeeds ends what an earlier refusal has taught.
    await ask('{ chats { totalCount } }', undefined, hasty);
    const both = '{ a: chat(id: 1) { id } b: chat(id: 2) { id } }';

    const answer = await ask(both, undefined, hasty);

    expect(answer.errors.map(({ extensions }) => extensions['retryAfterMs']).sort()).toEqual([
      3_000, 9_000,
    ]);
    expect(answer.headers.get('retry-after')).toBe('9');
  });

  test('a failed field does not affect its siblings', async () => {
    helpCrunch.respond('GET /chats/1', { status: 500, body: trouble });
    helpCrunch.respond('GET /chats/2', { body: wireChat({ id: 2 }) });

    const answer = await ask('{ a: chat(id: 1) { id } b: chat(id: 2) { id } }');

    expect(answer.data).toEqual({ a: null, b: { id: '2' } });
    expect(answer.errors.map(({ path }) => path)).toEqual([['a']]);
    expect(answer.extensions).toEqual(usage(2));
  });
});

describe('upstream values outside of the range of the schema', () => {
  test('a total beyond Int fails as UPSTREAM_INVALID_RESPONSE', async () => {
    helpCrunch.respond('GET /chats', {
      body: { data: [wireChat()], meta: { total: 3_000_000_000 } },
    });

    const { errors } = await ask('{ chats { totalCount } }');

    expect(errors.map(({ extensions }) => extensions['code'])).toEqual([
      'UPSTREAM_INVALID_RESPONSE',
    ]);
  });

  test('a time beyond the year 9999 is null', async () => {
    const lastMessageAt = 1_603_885_746_000;
    helpCrunch.respond('GET /chats/1', { body: wireChat({ id: 1, lastMessageAt }) });

    const { data, errors } = await ask('{ chat(id: 1) { lastMessageAt } }');

    expect({ data, errors }).toEqual({ data: { chat: { lastMessageAt: null } }, errors: [] });
  });
});

describe('client errors', () => {
  const sha256Hash = 'f'.repeat(64);
  const nullable = 'query ($id: ID = "5") { chat(id: $id) { id } }';

  test.each([
    { name: 'no GraphQL', body: { query: '{' }, code: 'GRAPHQL_PARSE_FAILED', status: 400 },
    {
      name: 'an unknown field',
      body: { query: '{ nonsense }' },
      code: 'GRAPHQL_VALIDATION_FAILED',
      status: 400,
    },
    {
      name: 'an unknown operation name',
      body: { query: 'query A { __typename }', operationName: 'B' },
      code: 'OPERATION_RESOLUTION_FAILURE',
      status: 400,
    },
    {
      name: 'no operation name among several operations',
      body: { query: 'query A { __typename } query B { __typename }' },
      code: 'OPERATION_RESOLUTION_FAILURE',
      status: 400,
    },
    {
      name: 'a variable of the wrong type',
      body: { query: 'query ($id: ID!) { chat(id: $id) { id } }', variables: { id: {} } },
      code: 'BAD_USER_INPUT',
      status: 400,
    },
    {
      name: 'a variable left out',
      body: { query: 'query ($id: ID!) { chat(id: $id) { id } }' },
      code: 'BAD_USER_INPUT',
      status: 400,
    },
    {
      name: 'a time that is none in a variable',
      body: {
        query: 'query ($f: ChatFilter) { chats(filter: $f) { totalCount } }',
        variables: { f: { createdAt: { from: 'yesterday' } } },
      },
      code: 'BAD_USER_INPUT',
      status: 400,
    },
    {
      name: 'a time that is none in the document',
      body: { query: '{ chats(filter: { createdAt: { from: "yesterday" } }) { totalCount } }' },
      code: 'GRAPHQL_VALIDATION_FAILED',
      status: 400,
    },
    {
      name: 'null for an argument that must not be null',
      body: { query: nullable, variables: { id: null } },
      code: 'BAD_USER_INPUT',
      status: 200,
    },
    {
      name: 'a persisted query that is not there',
      body: { extensions: { persistedQuery: { version: 1, sha256Hash } } },
      code: 'PERSISTED_QUERY_NOT_FOUND',
      status: 200,
    },
    {
      name: 'a persisted query under the hash of another',
      body: { query: '{ __typename }', extensions: { persistedQuery: { version: 1, sha256Hash } } },
      code: 'BAD_REQUEST',
      status: 400,
    },
    {
      name: 'a persisted query of a version that is not known',
      body: { query: '{ __typename }', extensions: { persistedQuery: { version: 2, sha256Hash } } },
      code: 'BAD_REQUEST',
      status: 400,
    },
    { name: 'no document', body: { variables: {} }, code: 'BAD_REQUEST', status: 400 },
    {
      name: 'an id that is none',
      body: { query: '{ chat(id: "abc") { id } }' },
      code: 'BAD_USER_INPUT',
      status: 200,
    },
    {
      name: 'a page of no size',
      body: { query: '{ chats(first: 0) { totalCount } }' },
      code: 'BAD_USER_INPUT',
      status: 200,
    },
    {
      name: 'a mutation of an id that is none',
      body: { query: 'mutation { markChatRead(id: 0, by: AGENT, read: true) { id } }' },
      code: 'BAD_USER_INPUT',
      status: 200,
    },
  ])(
    'a request with $name fails as $code without an upstream call',
    async ({ body, code, status }) => {
      const before = [helpCrunch.calls.length, gateway.logged.length];

      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-request-id': 'mine-1' },
        body: JSON.stringify(body),
      });
      const { errors, extensions }: any = await response.json();

      expect(errors.map((error: any) => error.extensions)).toEqual([
        { code, retryable: false, requestId: 'mine-1' },
      ]);
      expect(response.status).toBe(status);
      expect(extensions).toEqual(usage(0));
      expect([helpCrunch.calls.length, gateway.logged.length]).toEqual(before);
    },
  );

  test.each([
    { name: 'an operation of a kind that the schema lacks', body: { query: 'subscription { a }' } },
    {
      name: 'null for the condition of a directive',
      body: {
        query: 'query ($b: Boolean = true) { __typename @include(if: $b) }',
        variables: { b: null },
      },
    },
  ])('$name is not an INTERNAL_SERVER_ERROR', async ({ body }) => {
    const before = gateway.logged.length;

    const { errors } = await ask(body.query, body.variables);

    expect(errors.map(({ extensions }) => extensions)).toEqual([
      {
        code: expect.not.stringContaining('INTERNAL'),
        retryable: false,
        requestId: expect.anything(),
      },
    ]);
    expect(gateway.logged).toHaveLength(before);
  });
});

describe('the cost of an operation', () => {
  test.each([
    { name: 'no call for a field without upstream data', query: '{ viewer { role } }', calls: 0 },
    {
      name: 'one call for a list with its embedded fields',
      query: '{ chats { nodes { id } } }',
      calls: 1,
    },
    {
      name: 'one call for each of two lists',
      query: '{ chats { totalCount } customers { totalCount } }',
      calls: 2,
    },
  ])('the extensions of a response report $name', async ({ query, calls }) => {
    helpCrunch.respond('GET /customers', { body: { data: [], total: 0 } });
    const before = helpCrunch.calls.length;

    const { errors, extensions } = await ask(query);

    expect(errors).toEqual([]);
    expect(extensions).toEqual(usage(calls));
    expect(helpCrunch.calls.length - before).toBe(calls);
  });
});

describe('internal errors', () => {
  const bug = (): never => {
    throw new Error(`${canary} at https://10.0.0.1/?key=fake-key`);
  };

  /** The gateway's own GraphQL server over a schema that has bugs. */
  async function startBuggyGateway({
    report = () => undefined,
    secrets = [],
  }: { readonly report?: () => void; readonly secrets?: readonly string[] } = {}) {
    const lines: string[] = [];
    const log = createLog({ write: (line) => lines.push(line) }, 'info', secrets);
    const schema = makeExecutableSchema({
      typeDefs: /* GraphQL */ `
        interface Thing {
          name: String
        }
        type Known implements Thing {
          name: String
        }
        enum Colour {
          RED
        }
        type Query {
          text: String
          never: String!
          list: [String!]
          fine: String
          ofOther: String
          odd: String
          number: Int
          colour: Colour
          nothing: Thing
          nameless: Thing
        }
      `,
      resolvers: {
        Query: {
          text: bug,
          never: () => null,
          list: () => ['a', null],
          fine: () => 'fine',
          ofOther() {
            throw new GraphQLError(canary, { extensions: { code: canary, secret: canary } });
          },
          odd: () => ({ toString: bug }),
          number: () => canary,
          colour: () => canary,
          nothing: () => ({ name: canary }),
          nameless: () => ({ __typename: canary }),
        },
      },
    });
    const assertWithinCost = createCostLimiter(schema, { maxCalls: 30, maxNodes: 20_000 });
    const executor = createGraphqlJsExecutor(schema);
    const apollo = createGraphQLServer({
      schema,
      isProduction: false,
      log,
      assertWithinCost,
      executor,
      limitResult: (result) => Promise.resolve(result),
      report,
      validation: createDocumentValidation(readConfig({}).limits, false),
      operationCache: new OperationCache({
        schema,
        executor,
        assertWithinCost,
        report,
        persistedDocuments: createPersistedDocuments({
          schema,
          manifest: undefined,
          persistedOnly: 'false',
        }),
        maxResponseBytes: 1_000_000,
      }),
    });
    await apollo.start();
    const contextValue: any = {
      requestId: 'mine-2',
      viewer: { role: 'ALL' },
      usage: { calls: 0, cacheHits: 0, shared: 0 },
      quota: { cached: () => ({ limit: 0, remaining: 0, resetAt: null }) },
    };
    const server = createServer((request, response) => {
      void (async () => {
        const { body } = await apollo.executeHTTPGraphQLRequest({
          httpGraphQLRequest: {
            method: 'POST',
            headers: new HeaderMap([['content-type', 'application/json']]),
            body: JSON.parse(await text(request)),
            search: '',
          },
          context: () => Promise.resolve(contextValue),
        });
        response.end(body.kind === 'complete' ? body.string : undefined);
      })();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      lines,
      async ask(query: string) {
        const response = await fetch(`http://127.0.0.1:${port}`, {
          method: 'POST',
          body: JSON.stringify({ query }),
        });
        const answer: any = await response.json();
        return { text: JSON.stringify(answer), ...answer };
      },
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        server.close();
        await apollo.stop();
      },
    };
  }

  test.each([
    { query: '{ text fine }', path: ['text'], data: { text: null, fine: 'fine' } },
    { query: '{ ofOther }', path: ['ofOther'], data: { ofOther: null } },
    { query: '{ odd }', path: ['odd'], data: { odd: null } },
    { query: '{ number }', path: ['number'], data: { number: null } },
    { query: '{ colour }', path: ['colour'], data: { colour: null } },
    { query: '{ nothing { name } }', path: ['nothing'], data: { nothing: null } },
    { query: '{ nameless { name } }', path: ['nameless'], data: { nameless: null } },
    { query: '{ never }', path: ['never'], data: null },
    { query: '{ list fine }', path: ['list', 1], data: { list: null, fine: 'fine' } },
  ])(
    'an internal error of $query is masked for the client and logged once with the same request id',
    async (row) => {
      await using buggy = await startBuggyGateway();

      const { text, errors, data } = await buggy.ask(row.query);

      expect(data).toEqual(row.data);
      expect(errors).toEqual([
        {
          message: expect.stringContaining('requestId'),
          locations: [expect.anything()],
          path: row.path,
          extensions: { code: 'INTERNAL_SERVER_ERROR', retryable: false, requestId: 'mine-2' },
        },
      ]);
      expect(text).not.toContain(canary);
      const logged = buggy.lines.map((line) => JSON.parse(line));
      expect(logged).toEqual([expect.objectContaining({ level: 50, requestId: 'mine-2' })]);
      expect(logged[0].error.message).not.toBe('');
    },
  );

  test('an internal error that Apollo Server reports is logged without the secrets of the settings', async () => {
    await using buggy = await startBuggyGateway({
      secrets: ['correct-horse'],
      report() {
        throw new Error(`The key correct-horse, 0123456789abcdefghij, of ${canary} is wrong.`);
      },
    });

    const { text } = await buggy.ask('{ fine }');

    expect(text).not.toContain('correct-horse');
    const logged = buggy.lines.map((line) => JSON.parse(line));
    expect(logged).toEqual([
      expect.objectContaining({
        level: 50,
        msg: 'apollo server',
        error: expect.stringMatching(/The key \*\*\*, \*\*\*, of .* is wrong\./),
      }),
    ]);
    expect(buggy.lines.join('')).not.toContain('correct-horse');
  });
});
