import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createDeferred } from '../support/deferred.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';

const read = '{ chat(id: 1) { id } }';
const write = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }';

let upstream: RecordingUpstream;
/** The delays between attempts. */
let delays: number[];

beforeEach(async () => {
  upstream = await startRecordingUpstream();
  delays = [];
});

afterEach(() => upstream[Symbol.asyncDispose]());

/** A clock whose short timers fire immediately while its time stands still. */
function createClockWithoutDelays() {
  const clock = createManualClock();
  return {
    ...clock,
    after(ms: number, task: () => void) {
      // Longer timers are periodic checks, which would run forever.
      if (ms >= 1_000) return clock.after(ms, task);
      delays.push(ms);
      queueMicrotask(task);
      return () => undefined;
    },
  };
}

const start = (rateLimit = 100) =>
  startTestGateway({
    upstream,
    clock: createClockWithoutDelays(),
    config: { rateLimit, upstreamRetries: 2 },
  });

/** Responds with failures, then with success. */
function failTimes(route: string, times: number, status: number | 'reset') {
  let left = times;
  upstream.respond(route, (_call, response) => {
    left -= 1;
    if (left < 0) return { body: wireChat({ id: 1 }) };
    if (status !== 'reset') return { status, body: {} };
    response.destroy();
    return undefined;
  });
}

test.each([502, 503, 504, 'reset'] as const)('a read is retried after %s', async (status) => {
  failTimes('GET /chats/1', 2, status);
  await using gateway = await start();

  const { data, errors, extensions } = await gateway.query(read);

  expect(errors).toEqual([]);
  expect(data).toEqual({ chat: { id: '1' } });
  expect(extensions.upstream.calls).toBe(3);
  expect(delays).toEqual([100, 200]);
});

test('an idempotent write is retried after a connection failure', async () => {
  failTimes('PUT /chats/readByAgent', 1, 'reset');
  await using gateway = await start();

  const { data, errors } = await gateway.query(write);

  expect(errors).toEqual([]);
  expect(data).toEqual({ markChatRead: { id: '1' } });
  expect(upstream.calls).toHaveLength(2);
});

test('UPSTREAM_RETRIES limits the number of retries', async () => {
  failTimes('GET /chats/1', 3, 503);
  await using gateway = await start();

  const { errors } = await gateway.query(read);

  expect(errors[0]?.extensions).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', retryable: true });
  expect(upstream.calls).toHaveLength(3);
});

test.each([
  [3, 503, 'unavailable'],
  [1, 403, 'forbidden'],
] as const)(
  'after %i attempts with %i the log has endpoint and reason',
  async (attempts, status, kind) => {
    failTimes('GET /chats/1', attempts, status);
    await using gateway = await start();

    const { errors } = await gateway.query(read);

    const lines = gateway.logged.map((line) => JSON.parse(line));
    expect(lines.filter(({ msg }) => msg === 'upstream call failed')).toEqual([
      expect.objectContaining({ kind, status, endpoint: 'GET /chats/{id}', attempts }),
    ]);
    expect(JSON.stringify(errors)).not.toMatch(/endpoint|attempts/);
  },
);

test('the log of a call that an operation has left at its deadline has no endpoint', async () => {
  const arrived = createDeferred();
  upstream.respond('GET /chats/1', () => {
    arrived.resolve();
    return undefined;
  });
  const clock = createManualClock();
  await using gateway = await startTestGateway({
    upstream,
    clock,
    config: { operationTimeoutMs: 1_000 },
  });

  const response = gateway.query(read);
  await arrived.promise;
  clock.advance(1_000);
  const { errors } = await response;

  const lines = gateway.logged.map((line) => JSON.parse(line));
  expect(errors[0]?.extensions['code']).toBe('UPSTREAM_TIMEOUT');
  expect(lines.filter(({ msg }) => msg === 'upstream call failed')).toEqual([
    expect.objectContaining({ kind: 'timeout' }),
  ]);
  expect(lines.some((line) => 'endpoint' in line)).toBe(false);
});

test.each([400, 401, 403, 404, 500])('a read is not retried after %i', async (status) => {
  failTimes('GET /chats/1', 1, status);
  await using gateway = await start();

  const { errors } = await gateway.query(read);

  expect(errors).toHaveLength(1);
  expect(upstream.calls).toHaveLength(1);
});

test('a retry without a permit reports the failure before it', async () => {
  failTimes('GET /chats/1', 1, 502);
  await using gateway = await start(1);

  const { errors } = await gateway.query(read);

  expect(errors[0]?.extensions['code']).toBe('UPSTREAM_UNAVAILABLE');
  expect(upstream.calls).toHaveLength(1);
});

test('a retry waits for Retry-After of a 503', async () => {
  let hasResponded = false;
  upstream.respond('GET /chats/1', () => {
    if (hasResponded) return { body: wireChat({ id: 1 }) };
    hasResponded = true;
    return { status: 503, headers: { 'retry-after': '3' } };
  });
  const clock = createManualClock();
  const startedAt = clock.monotonic();
  const pausing = createDeferred();
  let retriedAt = 0;
  await using gateway = await startTestGateway({
    upstream,
    clock: {
      ...clock,
      after(ms, task) {
        if (ms !== 3_000) return clock.after(ms, task);
        pausing.resolve();
        return clock.after(ms, () => {
          retriedAt = clock.monotonic();
          task();
        });
      },
    },
    config: { upstreamRetries: 2 },
  });

  const response = gateway.query(read);
  await pausing.promise;
  clock.advance(2_999);
  const callsBefore = upstream.calls.length;
  clock.advance(1);
  const { data } = await response;

  expect(callsBefore).toBe(1);
  expect(data).toEqual({ chat: { id: '1' } });
  expect(retriedAt).toBe(startedAt + 3_000);
});

test('a call is not retried when Retry-After exceeds the deadline', async () => {
  upstream.respond('GET /chats/1', { status: 503, headers: { 'retry-after': '20' } });
  await using gateway = await start();

  const { errors } = await gateway.query(read);

  expect(errors[0]?.extensions).toMatchObject({
    code: 'UPSTREAM_UNAVAILABLE',
    retryAfterMs: 20_000,
  });
  expect(upstream.calls).toHaveLength(1);
});
