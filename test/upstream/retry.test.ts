import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createDeferred } from '../support/deferred.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';

const read = '{ chat(id: 1) { id } }';
const write = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }';

let helpdesk: RecordingUpstream;
/** How long the gateway has paused between its tries. */
let pauses: number[];

beforeEach(async () => {
  helpdesk = await startRecordingUpstream();
  pauses = [];
});

afterEach(() => helpdesk[Symbol.asyncDispose]());

/** A clock on which pauses are over at once and nothing else moves. */
function createHurriedClock() {
  const clock = createManualClock();
  return {
    ...clock,
    after(ms: number, task: () => void) {
      // Retries pause for less; the periodic check of connections would never end.
      if (ms >= 1_000) return clock.after(ms, task);
      pauses.push(ms);
      queueMicrotask(task);
      return () => undefined;
    },
  };
}

const start = (rateLimit = 100) =>
  startTestGateway({
    upstream: helpdesk,
    clock: createHurriedClock(),
    config: { rateLimit, upstreamRetries: 2 },
  });

/** Fails so many times in a way, then answers. */
function failing(route: string, times: number, status: number | 'reset') {
  let left = times;
  helpdesk.respond(route, (_call, response) => {
    left -= 1;
    if (left < 0) return { body: wireChat({ id: 1 }) };
    if (status !== 'reset') return { status, body: {} };
    response.destroy();
    return undefined;
  });
}

test.each([502, 503, 504, 'reset'] as const)('a read is tried again after %s', async (status) => {
  failing('GET /chats/1', 2, status);
  await using gateway = await start();

  const { data, errors, extensions } = await gateway.query(read);

  expect(errors).toEqual([]);
  expect(data).toEqual({ chat: { id: '1' } });
  expect(extensions.upstream.calls).toBe(3);
  expect(pauses).toEqual([100, 200]);
});

test('a write that does no harm twice is tried again', async () => {
  failing('PUT /chats/readByAgent', 1, 'reset');
  await using gateway = await start();

  const { data, errors } = await gateway.query(write);

  expect(errors).toEqual([]);
  expect(data).toEqual({ markChatRead: { id: '1' } });
  expect(helpdesk.calls).toHaveLength(2);
});

test('two tries more are all', async () => {
  failing('GET /chats/1', 3, 503);
  await using gateway = await start();

  const { errors } = await gateway.query(read);

  expect(errors[0]?.extensions).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', retryable: true });
  expect(helpdesk.calls).toHaveLength(3);
});

test.each([400, 401, 403, 404, 500])('a %i is no reason to try again', async (status) => {
  failing('GET /chats/1', 1, status);
  await using gateway = await start();

  const { errors } = await gateway.query(read);

  expect(errors).toHaveLength(1);
  expect(helpdesk.calls).toHaveLength(1);
});

test('without a call left the first failure stands', async () => {
  failing('GET /chats/1', 1, 502);
  await using gateway = await start(1);

  const { errors } = await gateway.query(read);

  expect(errors[0]?.extensions['code']).toBe('UPSTREAM_UNAVAILABLE');
  expect(helpdesk.calls).toHaveLength(1);
});

test('a helpdesk that asks for time is tried again when that is over, and not before', async () => {
  let isAsked = false;
  helpdesk.respond('GET /chats/1', () => {
    if (isAsked) return { body: wireChat({ id: 1 }) };
    isAsked = true;
    return { status: 503, headers: { 'retry-after': '3' } };
  });
  const clock = createManualClock();
  const startedAt = clock.monotonic();
  const pausing = createDeferred();
  let retriedAt = 0;
  await using gateway = await startTestGateway({
    upstream: helpdesk,
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

  const asked = gateway.query(read);
  await pausing.promise;
  clock.advance(2_999);
  const callsBefore = helpdesk.calls.length;
  clock.advance(1);
  const { data } = await asked;

  expect(callsBefore).toBe(1);
  expect(data).toEqual({ chat: { id: '1' } });
  expect(retriedAt).toBe(startedAt + 3_000);
});

test('a helpdesk that asks for more time than is left is not tried again', async () => {
  helpdesk.respond('GET /chats/1', { status: 503, headers: { 'retry-after': '20' } });
  await using gateway = await start();

  const { errors } = await gateway.query(read);

  expect(errors[0]?.extensions).toMatchObject({
    code: 'UPSTREAM_UNAVAILABLE',
    retryAfterMs: 20_000,
  });
  expect(helpdesk.calls).toHaveLength(1);
});
