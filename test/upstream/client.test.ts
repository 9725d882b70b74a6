import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';

const tooMany = { errors: [{ code: 'too_many_requests', message: 'Too many requests' }] };
const chat = (id: number) => `{ chat(id: ${id}) { id } }`;

let helpdesk: RecordingUpstream;
let clock: ReturnType<typeof createManualClock>;

beforeEach(async () => {
  helpdesk = await startRecordingUpstream();
  clock = createManualClock();
  for (const id of [1, 2, 3]) helpdesk.respond(`GET /chats/${id}`, { body: wireChat({ id }) });
});

afterEach(() => helpdesk[Symbol.asyncDispose]());

const start = (rateLimit: number, operationTimeoutMs = 10_000) =>
  startTestGateway({ upstream: helpdesk, clock, config: { rateLimit, operationTimeoutMs } });

describe('when the calls are spent', () => {
  test('an operation that cannot be served in time is refused at once and spends none', async () => {
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
    expect(helpdesk.calls).toHaveLength(1);
  });

  test('an operation with the time waits for room and is answered', async () => {
    await using gateway = await start(1, 120_000);
    await gateway.query(chat(1));

    const waiting = gateway.query(chat(2));
    await gateway.waitForQueuedCalls(1);
    clock.advance(60_000);

    const { data, errors } = await waiting;
    expect(errors).toEqual([]);
    expect(data).toEqual({ chat: { id: '2' } });
  });

  test('an operation that would be answered too late even by the next call is refused, and spends none', async () => {
    await using gateway = await start(1, 60_050);
    await gateway.query(chat(1));

    const { errors } = await gateway.query(chat(2));

    expect(errors[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 60_000 });
    expect(helpdesk.calls).toHaveLength(1);
  });

  test('an operation whose time is over in line is told so, though others go on waiting for the same', async () => {
    helpdesk.respond('PUT /chats/readByAgent', { body: wireChat({ id: 3 }) });
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

  test('a mutation goes before the reads that wait', async () => {
    helpdesk.respond('PUT /chats/readByAgent', { body: wireChat({ id: 3 }) });
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

    expect(helpdesk.calls.map(({ method }) => method)).toEqual(['GET', 'PUT', 'GET']);
  });

  test('the account says what is left', async () => {
    await using gateway = await start(2);
    await gateway.query(chat(1));

    const { data, extensions } = await gateway.query('{ rateLimit { limit remaining resetAt } }');

    expect(data.rateLimit).toEqual({
      limit: 2,
      remaining: 1,
      resetAt: new Date(clock.now() + 60_000).toISOString(),
    });
    expect(extensions.upstream['rateLimit']).toEqual({ limit: 2, remaining: 1 });
  });
});

describe('a helpdesk that refuses with 429 although calls are left', () => {
  const refusal = (seconds?: number) => ({
    status: 429,
    body: tooMany,
    ...(seconds === undefined ? {} : { headers: { 'retry-after': String(seconds) } }),
  });

  /** Refuses so many times, then answers. */
  function refusing(route: string, times: number, seconds?: number) {
    let left = times;
    helpdesk.respond(route, () => {
      left -= 1;
      return left < 0 ? { body: wireChat({ id: 1 }) } : refusal(seconds);
    });
  }

  const write = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }';

  test.each([
    ['a read', chat(1), 'GET /chats/1', { chat: { id: '1' } }],
    ['a write', write, 'PUT /chats/readByAgent', { markChatRead: { id: '1' } }],
  ])('is asked again by %s when its time has come, and not before', async (...row) => {
    const [, operation, route, data] = row;
    refusing(route, 1, 5);
    await using gateway = await start(100);

    const asked = gateway.query(operation);
    await gateway.waitForQueuedCalls(1);
    clock.advance(4_999);
    await gateway.waitForQueuedCalls(1);
    const callsBefore = helpdesk.calls.length;
    clock.advance(1);
    const answer = await asked;

    expect(callsBefore).toBe(1);
    expect(answer.errors).toEqual([]);
    expect(answer.data).toEqual(data);
    expect(answer.extensions.upstream.calls).toBe(2);
  });

  test('is asked again after two and four seconds when it names no time, as the deadline allows', async () => {
    refusing('GET /chats/1', 9);
    await using gateway = await start(100);

    const asked = gateway.query(chat(1));
    for (const pauseMs of [2_000, 4_000]) {
      await gateway.waitForQueuedCalls(1);
      clock.advance(pauseMs);
      await gateway.waitForQueuedCalls(0);
    }
    const { errors } = await asked;

    // After the third refusal the next pause of eight seconds would end behind the deadline.
    expect(helpdesk.calls).toHaveLength(3);
    expect(errors[0]?.extensions).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 8_000,
      upstream: { status: 429 },
    });
  });

  test('lets those who wait in line follow', async () => {
    refusing('GET /chats/1', 1, 5);
    await using gateway = await start(100);
    const first = gateway.query(chat(1));
    await gateway.waitForQueuedCalls(1);

    const second = gateway.query(chat(2));
    await gateway.waitForQueuedCalls(2);
    clock.advance(5_000);

    expect((await first).data).toEqual({ chat: { id: '1' } });
    expect((await second).data).toEqual({ chat: { id: '2' } });
    expect(helpdesk.calls).toHaveLength(3);
  });

  test('for longer than an operation may take refuses it at once', async () => {
    helpdesk.respond('GET /chats/1', refusal(30));
    await using gateway = await start(100);

    const refused = await gateway.query(chat(1));
    const next = await gateway.query(chat(2));

    expect(refused.errors[0]?.extensions).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 30_000,
      upstream: { status: 429 },
    });
    expect(refused.headers.get('retry-after')).toBe('30');
    expect(next.errors[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED' });
    expect(helpdesk.calls).toHaveLength(1);
  });
});

describe('the log', () => {
  test('tells of a refused key under the id of the answer, and nothing of the key', async () => {
    helpdesk.respond('GET /chats/1', { status: 401, body: { errors: [] } });
    await using gateway = await start(100);

    const { errors } = await gateway.query(chat(1));

    const [line] = gateway.logged.map((text) => JSON.parse(text));
    expect(gateway.logged).toHaveLength(1);
    expect(line).toMatchObject({ kind: 'unauthenticated', status: 401 });
    expect(line.requestId).toBe(errors[0]?.extensions['requestId']);
    expect(gateway.logged.join('')).not.toContain(helpdesk.key);
  });

  test('is silent about what the client can put right and about calls that never left', async () => {
    await using gateway = await start(1);

    await gateway.query('{ chat(id: "abc") { id } }');
    await gateway.query(chat(9));
    await gateway.query(chat(1));

    expect(gateway.logged).toEqual([]);
  });
});
