import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';

const tooMany = { errors: [{ code: 'too_many_requests', message: 'Too many requests' }] };
const chat = (id: number) => `{ chat(id: ${id}) { id } }`;

let upstream: RecordingUpstream;
let clock: ReturnType<typeof createManualClock>;

beforeEach(async () => {
  upstream = await startRecordingUpstream();
  clock = createManualClock();
  for (const id of [1, 2, 3]) upstream.respond(`GET /chats/${id}`, { body: wireChat({ id }) });
});

afterEach(() => upstream[Symbol.asyncDispose]());

const start = (rateLimit: number, operationTimeoutMs = 10_000) =>
  startTestGateway({ upstream, clock, config: { rateLimit, operationTimeoutMs } });

describe('an exhausted rate limit', () => {
  test('an operation without a permit before its deadline is rejected immediately without a call', async () => {
    await using gateway = await start(1);
    await gateway.query(chat(1));

    const { errors, headers, data } = await gateway.query(chat(2));

    expect(data).toEqual({ chat: null });
    expect(errors[0]?.extensions).toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
      retryAfterMs: 60_000,
    });
    expect(headers.get('retry-after')).toBe('60');
    expect(upstream.calls).toHaveLength(1);
  });

  test('an operation with a later deadline waits for a permit', async () => {
    await using gateway = await start(1, 120_000);
    await gateway.query(chat(1));

    const waiting = gateway.query(chat(2));
    await gateway.waitForQueuedCalls(1);
    clock.advance(60_000);

    const { data, errors } = await waiting;
    expect(errors).toEqual([]);
    expect(data).toEqual({ chat: { id: '2' } });
  });

  test('an operation is rejected when a permit leaves too little time for the call', async () => {
    await using gateway = await start(1, 60_050);
    await gateway.query(chat(1));

    const { errors } = await gateway.query(chat(2));

    expect(errors[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 60_000 });
    expect(upstream.calls).toHaveLength(1);
  });

  test('an operation whose deadline passes in the queue gets RATE_LIMITED while others wait for the same request', async () => {
    upstream.respond('PUT /chats/readByAgent', { body: wireChat({ id: 3 }) });
    await using gateway = await start(1, 100_000);
    await gateway.query(chat(1));
    const first = gateway.query(chat(2));
    await gateway.waitForQueuedCalls(1);
    clock.advance(30_000);
    const second = gateway.query(chat(2));
    const write = gateway.query('mutation { markChatRead(id: 3, by: AGENT, read: true) { id } }');
    await gateway.waitForQueuedCalls(2);
    clock.advance(30_000);
    await write;

    clock.advance(40_000);
    const { errors } = await first;
    clock.advance(20_000);

    expect(errors[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED' });
    expect(errors[0]?.extensions['retryAfterMs']).toBeGreaterThanOrEqual(20_000);
    expect((await second).data).toEqual({ chat: { id: '2' } });
  });

  test('a mutation is sent before queued reads', async () => {
    upstream.respond('PUT /chats/readByAgent', { body: wireChat({ id: 3 }) });
    await using gateway = await start(1, 200_000);
    await gateway.query(chat(1));

    const read = gateway.query(chat(2));
    await gateway.waitForQueuedCalls(1);
    const write = gateway.query('mutation { markChatRead(id: 3, by: AGENT, read: true) { id } }');
    await gateway.waitForQueuedCalls(2);
    clock.advance(60_000);
    await write;
    clock.advance(60_000);
    await read;

    expect(upstream.calls.map(({ method }) => method)).toEqual(['GET', 'PUT', 'GET']);
  });

  test('rateLimit returns the remaining quota', async () => {
    await using gateway = await start(2);
    await gateway.query(chat(1));

    const { data, extensions } = await gateway.query('{ rateLimit { limit remaining resetAt } }');

    expect(data.rateLimit).toEqual({
      limit: 2,
      remaining: 1,
      resetAt: new Date(clock.now() + 60_000).toISOString(),
    });
    expect(extensions.upstream).toEqual({ calls: 0, cacheHits: 0, shared: 0 });
  });
});

describe('a 429 of HelpCrunch', () => {
  const tooManyRequests = (seconds?: number) => ({
    status: 429,
    body: tooMany,
    ...(seconds === undefined ? {} : { headers: { 'retry-after': String(seconds) } }),
  });

  /** Responds with 429, then with success. */
  function throttleTimes(route: string, times: number, seconds?: number) {
    let left = times;
    upstream.respond(route, () => {
      left -= 1;
      return left < 0 ? { body: wireChat({ id: 1 }) } : tooManyRequests(seconds);
    });
  }

  const write = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }';

  test.each([
    ['a read', chat(1), 'GET /chats/1', { chat: { id: '1' } }],
    ['a write', write, 'PUT /chats/readByAgent', { markChatRead: { id: '1' } }],
  ])('%s is repeated after Retry-After of a 429, and not before', async (...row) => {
    const [, operation, route, data] = row;
    throttleTimes(route, 1, 5);
    await using gateway = await start(100);

    const asked = gateway.query(operation);
    await gateway.waitForQueuedCalls(1);
    clock.advance(4_999);
    await gateway.waitForQueuedCalls(1);
    const callsBefore = upstream.calls.length;
    clock.advance(1);
    const answer = await asked;

    expect(callsBefore).toBe(1);
    expect(answer.errors).toEqual([]);
    expect(answer.data).toEqual(data);
    expect(answer.extensions.upstream.calls).toBe(2);
  });

  test('a 429 without Retry-After is repeated after two and four seconds, within the deadline', async () => {
    throttleTimes('GET /chats/1', 9);
    await using gateway = await start(100);

    const asked = gateway.query(chat(1));
    for (const pauseMs of [2_000, 4_000]) {
      await gateway.waitForQueuedCalls(1);
      clock.advance(pauseMs);
      await gateway.waitForQueuedCalls(0);
    }
    const { errors } = await asked;

    // The next delay of eight seconds would exceed the deadline.
    expect(upstream.calls).toHaveLength(3);
    expect(errors[0]?.extensions).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 8_000,
      upstream: { status: 429 },
    });
  });

  test('queued calls follow after a call that was repeated because of a 429', async () => {
    throttleTimes('GET /chats/1', 1, 5);
    await using gateway = await start(100);
    const first = gateway.query(chat(1));
    await gateway.waitForQueuedCalls(1);

    const second = gateway.query(chat(2));
    await gateway.waitForQueuedCalls(2);
    clock.advance(5_000);

    expect((await first).data).toEqual({ chat: { id: '1' } });
    expect((await second).data).toEqual({ chat: { id: '2' } });
    expect(upstream.calls).toHaveLength(3);
  });

  test('a Retry-After beyond the deadline rejects operations immediately', async () => {
    upstream.respond('GET /chats/1', tooManyRequests(30));
    await using gateway = await start(100);

    const first = await gateway.query(chat(1));
    const next = await gateway.query(chat(2));

    expect(first.errors[0]?.extensions).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 30_000,
      upstream: { status: 429 },
    });
    expect(first.headers.get('retry-after')).toBe('30');
    expect(next.errors[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED' });
    expect(upstream.calls).toHaveLength(1);
  });
});

describe('the log', () => {
  test('a rejected key is logged with the request id and without the key', async () => {
    upstream.respond('GET /chats/1', { status: 401, body: { errors: [] } });
    await using gateway = await start(100);

    const { errors } = await gateway.query(chat(1));

    const [line] = gateway.logged.map((text) => JSON.parse(text));
    expect(gateway.logged).toHaveLength(1);
    expect(line).toMatchObject({ kind: 'unauthenticated', status: 401 });
    expect(line.requestId).toBe(errors[0]?.extensions['requestId']);
    expect(gateway.logged.join('')).not.toContain(upstream.key);
  });

  test('errors of clients and rejected calls are not logged', async () => {
    await using gateway = await start(1);

    await gateway.query('{ chat(id: "abc") { id } }');
    await gateway.query(chat(9));
    await gateway.query(chat(1));

    expect(gateway.logged).toEqual([]);
  });
});
