import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/settings.ts';
import type { ControlledUpstream } from '../../support/controlledUpstream.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import type { CannedResponse } from '../../support/recordingUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { createManualClock } from '../../support/manualClock.ts';

const oneMinute = 60_000;
const tenMinutes = 600_000;
const { cacheTtlsMs } = readConfig({});

const one = '{ chat(id: 1) { id lastMessageText } }';
const list = '{ chats { nodes { id lastMessageText } totalCount } }';
const messages = '{ chat(id: 1) { messages { nodes { id text } } } }';
const byUserId = '{ customerByUserId(userId: "u-7") { id name phone } }';
const agents = '{ agents { id name } }';
const mark = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id lastMessageText } }';

let clock: ReturnType<typeof createManualClock>;
let upstream: ControlledUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

const config = { rateLimit: 0, cacheTtlsMs, staleIfErrorMs: tenMinutes };
const start = (change = {}) =>
  startTestGateway({ upstream, clock, config: { ...config, ...change } });

beforeEach(async () => {
  clock = createManualClock();
  upstream = await startControlledUpstream();
  upstream.seed({
    chats: [
      { id: 1, customer: { id: 7 } },
      { id: 2, customer: { id: 8 } },
    ],
    customers: [{ id: 7 }, { id: 8 }],
  });
  gateway = await start();
});

afterEach(async () => {
  await gateway.stop();
  await upstream[Symbol.asyncDispose]();
});

/** Every call gets this response from now on. */
const failWith = (answer: CannedResponse) => upstream.onEveryCall((held) => held.respond(answer));
const recover = () => upstream.onEveryCall();

const codeOf = ({ errors }: { errors: readonly { extensions: any }[] }) =>
  errors[0]?.extensions.code;

describe('while HelpCrunch is unavailable', () => {
  test.each([
    ['a chat', one],
    ['a list', list],
    ['messages', messages],
    ['a customer by userId', byUserId],
    ['the list of agents', agents],
    [
      'a query of several resources',
      `{ ${[one, list, agents].map((read) => read.slice(1, -1)).join(' ')} }`,
    ],
  ])('%s is served stale, with its age', async (_what, document) => {
    const before = await gateway.query(document);
    clock.advance(6 * oneMinute);
    failWith({ status: 500 });

    const after = await gateway.query(document);

    expect(before.extensions.upstream).not.toHaveProperty('stale');
    expect(after.data).toEqual(before.data);
    expect(after.errors).toEqual([]);
    expect(after.extensions.upstream['stale']).toEqual({ ageMs: 6 * oneMinute });
  });

  test('data is served stale up to STALE_IF_ERROR_MS, and not after', async () => {
    const before = await gateway.query(one);
    failWith({ status: 500 });
    clock.advance(tenMinutes);
    const last = await gateway.query(one);
    clock.advance(1);
    const tooLate = await gateway.query(one);

    expect(last.data).toEqual(before.data);
    expect(codeOf(tooLate)).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('the age of a stale response is that of its oldest entry', async () => {
    await gateway.query(list);
    clock.advance(oneMinute);
    await gateway.query(agents);
    clock.advance(6 * oneMinute);
    failWith({ status: 503 });

    const { extensions } = await gateway.query('{ agents { id } chats { nodes { id } } }');

    expect(extensions.upstream['stale']).toEqual({ ageMs: 7 * oneMinute });
  });

  test('a stale list contains the latest cached version of its members', async () => {
    await gateway.query(list);
    clock.advance(oneMinute);
    upstream.seed({ chats: [{ id: 1, lastMessageText: '5' }] });
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 503 });

    const { data } = await gateway.query(list);

    expect(data.chats.nodes[1]).toEqual({ id: '1', lastMessageText: '5' });
  });

  test('a field that was never read fails beside a stale field', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 503 });

    const { data, errors } = await gateway.query('{ chat(id: 1) { id } agents { id } }');

    expect(data).toEqual({ chat: { id: '1' }, agents: null });
    expect(errors.map(({ path }) => path)).toEqual([['agents']]);
  });

  test('a cached NOT_FOUND error is not served stale', async () => {
    await gateway.query('{ chat(id: 99) { id } }');
    clock.advance(oneMinute);
    failWith({ status: 503 });

    expect(codeOf(await gateway.query('{ chat(id: 99) { id } }'))).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('a request with Cache-Control: no-cache is not served stale data', async () => {
    await gateway.query(one);
    failWith({ status: 503 });

    const answer = await gateway.query(one, undefined, { 'cache-control': 'no-cache' });

    expect(codeOf(answer)).toBe('UPSTREAM_UNAVAILABLE');
    expect(answer.extensions.upstream).not.toHaveProperty('stale');
  });

  test('STALE_IF_ERROR_MS=0 disables stale responses', async () => {
    await using strict = await start({
      staleIfErrorMs: 0,
      cacheTtlsMs: { ...cacheTtlsMs, chats: 0 },
    });
    await strict.query(one);
    failWith({ status: 503 });

    expect(codeOf(await strict.query(one))).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('every operation tries HelpCrunch first and returns fresh data as soon as it recovers', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 503 });
    await gateway.query(one);
    recover();
    upstream.seed({ chats: [{ id: 1, lastMessageText: '3' }] });

    const { data, extensions } = await gateway.query(one);

    expect(data.chat.lastMessageText).toBe('3');
    expect(extensions.upstream).not.toHaveProperty('stale');
  });
});

describe('stale data is served', () => {
  test('stale data is served while the circuit breaker is open', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 500 });
    for (let id = 10; id < 20; id += 1) await gateway.query(`{ chat(id: ${id}) { id } }`);
    upstream.clearCalls();

    const { errors, extensions } = await gateway.query(one);

    expect(errors).toEqual([]);
    expect(extensions.upstream).toMatchObject({ calls: 0, stale: { ageMs: oneMinute } });
    expect(upstream.calls).toHaveLength(0);
  });

  test('stale data is served when the rate limit is exhausted', async () => {
    await using limited = await start({ rateLimit: 1 });
    await limited.query(one);
    clock.advance(10_000);

    const { errors, headers, extensions } = await limited.query(one);

    expect(errors).toEqual([]);
    expect(headers.get('retry-after')).toBeNull();
    expect(extensions.upstream).toMatchObject({ calls: 0, stale: { ageMs: 10_000 } });
  });

  test('stale data is served when Retry-After of a 429 exceeds the deadline', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 429, headers: { 'retry-after': '60' } });

    const { errors, extensions } = await gateway.query(one);

    expect(errors).toEqual([]);
    expect(extensions.upstream['stale']).toEqual({ ageMs: oneMinute });
  });

  test.each([
    ['UPSTREAM_TIMEOUT_MS', 5_000, {}],
    ['OPERATION_TIMEOUT_MS', 10_000, { upstreamTimeoutMs: 60_000 }],
  ])(
    'stale data is served when HelpCrunch does not respond within %s',
    async (_name, limitMs, change) => {
      await using patient = await start(change);
      await patient.query(one);
      clock.advance(oneMinute);
      const held = upstream.hold('GET /chats/1');

      const asked = patient.query(one);
      await held.arrived;
      clock.advance(limitMs);
      const { errors, extensions } = await asked;

      expect(errors).toEqual([]);
      expect(extensions.upstream['stale']).toEqual({ ageMs: oneMinute + limitMs });
    },
  );

  test('stale data is not served in place of a 4xx or a malformed response', async () => {
    await gateway.query(one);
    for (const [status, code] of [
      [400, 'BAD_USER_INPUT'],
      [401, 'UPSTREAM_UNAUTHENTICATED'],
      [403, 'UPSTREAM_FORBIDDEN'],
      [200, 'UPSTREAM_INVALID_RESPONSE'],
      [404, 'NOT_FOUND'],
    ] as const) {
      clock.advance(oneMinute);
      failWith({ status, body: { errors: [] } });

      expect(codeOf(await gateway.query(one))).toBe(code);
    }
  });
});

describe('stale data after a write', () => {
  test('after a write, older data of the chat and its messages is not served', async () => {
    await gateway.query(messages);
    await gateway.query(mark);
    clock.advance(oneMinute);
    failWith({ status: 500 });

    const read = await gateway.query(messages);
    const chat = await gateway.query(one);

    expect(codeOf(read)).toBe('UPSTREAM_UNAVAILABLE');
    // The response of the write is cached.
    expect(chat.data.chat.lastMessageText).toBe('1');
    expect(chat.extensions.upstream['stale']).toEqual({ ageMs: oneMinute });
  });

  test('a stale list shows a chat as it was written', async () => {
    await gateway.query(list);
    clock.advance(oneMinute);
    await gateway.query(mark);
    failWith({ status: 500 });

    const { data, errors, extensions } = await gateway.query(list);

    expect(errors).toEqual([]);
    expect(data.chats.nodes).toContainEqual({ id: '1', lastMessageText: '1' });
    expect(extensions.upstream['stale']).toEqual({ ageMs: oneMinute });
  });

  test('a list of a chat whose write may have been applied is not served stale', async () => {
    await gateway.query(list);
    clock.advance(oneMinute);
    failWith({ status: 500 });
    await gateway.query(mark);

    expect(codeOf(await gateway.query(list))).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('data that was read after a write is served stale', async () => {
    await gateway.query(mark);
    clock.advance(1);
    const before = await gateway.query(list);
    clock.advance(oneMinute);
    failWith({ status: 500 });

    const after = await gateway.query(list);

    expect(after.data).toEqual(before.data);
    expect(after.errors).toEqual([]);
  });

  test('after a failed write that may have been applied, older data is not served', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 500 });
    await gateway.query(mark);

    expect(codeOf(await gateway.query(one))).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('after a write that was certainly not applied, older data is served', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 429, headers: { 'retry-after': '60' } });
    const written = await gateway.query(mark);
    const after = await gateway.query(one);

    expect(codeOf(written)).toBe('RATE_LIMITED');
    expect(after.errors).toEqual([]);
    expect(after.data.chat.lastMessageText).toBe('0');
  });

  test('a write does not affect stale lists without the chat', async () => {
    const search = '{ chats(filter: { customerId: 8 }) { nodes { id } } }';
    await gateway.query(search);
    await gateway.query(mark);
    clock.advance(oneMinute);
    failWith({ status: 500 });

    expect((await gateway.query(search)).data.chats.nodes).toEqual([{ id: '2' }]);
  });
});
