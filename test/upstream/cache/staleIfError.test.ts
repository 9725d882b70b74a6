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
let helpdesk: ControlledUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

const config = { rateLimit: 0, cacheTtlsMs, staleIfErrorMs: tenMinutes };
const start = (change = {}) =>
  startTestGateway({ upstream: helpdesk, clock, config: { ...config, ...change } });

beforeEach(async () => {
  clock = createManualClock();
  helpdesk = await startControlledUpstream();
  helpdesk.seed({
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
  await helpdesk[Symbol.asyncDispose]();
});

/** From now on it answers nothing but this. */
const failWith = (answer: CannedResponse) => helpdesk.onEveryCall((held) => held.respond(answer));
const recover = () => helpdesk.onEveryCall();

const codeOf = ({ errors }: { errors: readonly { extensions: any }[] }) =>
  errors[0]?.extensions.code;

describe('when the helpdesk is down', () => {
  test.each([
    ['a chat', one],
    ['a list', list],
    ['messages', messages],
    ['a customer by a name of yours', byUserId],
    ['the team', agents],
    ['all at once', `{ ${[one, list, agents].map((read) => read.slice(1, -1)).join(' ')} }`],
  ])('%s is answered as it was last seen, with its age', async (_what, document) => {
    const before = await gateway.query(document);
    clock.advance(6 * oneMinute);
    failWith({ status: 500 });

    const after = await gateway.query(document);

    expect(before.extensions.upstream).not.toHaveProperty('stale');
    expect(after.data).toEqual(before.data);
    expect(after.errors).toEqual([]);
    expect(after.extensions.upstream['stale']).toEqual({ ageMs: 6 * oneMinute });
  });

  test('what is at most ten minutes old is shown, and nothing older', async () => {
    const before = await gateway.query(one);
    failWith({ status: 500 });
    clock.advance(tenMinutes);
    const last = await gateway.query(one);
    clock.advance(1);
    const tooLate = await gateway.query(one);

    expect(last.data).toEqual(before.data);
    expect(codeOf(tooLate)).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('the age is that of the oldest thing that is shown', async () => {
    await gateway.query(list);
    clock.advance(oneMinute);
    await gateway.query(agents);
    clock.advance(6 * oneMinute);
    failWith({ status: 503 });

    const { extensions } = await gateway.query('{ agents { id } chats { nodes { id } } }');

    expect(extensions.upstream['stale']).toEqual({ ageMs: 7 * oneMinute });
  });

  test('a list shows what has been seen of its members since', async () => {
    await gateway.query(list);
    clock.advance(oneMinute);
    helpdesk.seed({ chats: [{ id: 1, lastMessageText: '5' }] });
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 503 });

    const { data } = await gateway.query(list);

    expect(data.chats.nodes[1]).toEqual({ id: '1', lastMessageText: '5' });
  });

  test('what was never read fails, beside what was', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 503 });

    const { data, errors } = await gateway.query('{ chat(id: 1) { id } agents { id } }');

    expect(data).toBeNull();
    expect(errors.map(({ path }) => path)).toEqual([['agents']]);
  });

  test('an id that was not there is not shown as missing', async () => {
    await gateway.query('{ chat(id: 99) { id } }');
    clock.advance(oneMinute);
    failWith({ status: 503 });

    expect(codeOf(await gateway.query('{ chat(id: 99) { id } }'))).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('a client that asks for what is so now is told that it cannot be had', async () => {
    await gateway.query(one);
    failWith({ status: 503 });

    const answer = await gateway.query(one, undefined, { 'cache-control': 'no-cache' });

    expect(codeOf(answer)).toBe('UPSTREAM_UNAVAILABLE');
    expect(answer.extensions.upstream).not.toHaveProperty('stale');
  });

  test('0 switches it off', async () => {
    await using strict = await start({
      staleIfErrorMs: 0,
      cacheTtlsMs: { ...cacheTtlsMs, chats: 0 },
    });
    await strict.query(one);
    failWith({ status: 503 });

    expect(codeOf(await strict.query(one))).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('it is asked again each time, and its word is taken as soon as it has one', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 503 });
    await gateway.query(one);
    recover();
    helpdesk.seed({ chats: [{ id: 1, lastMessageText: '3' }] });

    const { data, extensions } = await gateway.query(one);

    expect(data.chat.lastMessageText).toBe('3');
    expect(extensions.upstream).not.toHaveProperty('stale');
  });
});

describe('whatever keeps the helpdesk from being asked', () => {
  test('an open circuit', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 500 });
    for (let id = 10; id < 20; id += 1) await gateway.query(`{ chat(id: ${id}) { id } }`);
    helpdesk.clearCalls();

    const { errors, extensions } = await gateway.query(one);

    expect(errors).toEqual([]);
    expect(extensions.upstream).toMatchObject({ calls: 0, stale: { ageMs: oneMinute } });
    expect(helpdesk.calls).toHaveLength(0);
  });

  test('a budget that is spent', async () => {
    await using poor = await start({ rateLimit: 1 });
    await poor.query(one);
    clock.advance(10_000);

    const { errors, headers, extensions } = await poor.query(one);

    expect(errors).toEqual([]);
    expect(headers.get('retry-after')).toBeNull();
    expect(extensions.upstream).toMatchObject({ calls: 0, stale: { ageMs: 10_000 } });
  });

  test('a 429 for longer than the operation has', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 429, headers: { 'retry-after': '60' } });

    const { errors, extensions } = await gateway.query(one);

    expect(errors).toEqual([]);
    expect(extensions.upstream['stale']).toEqual({ ageMs: oneMinute });
  });

  test.each([
    ['the limit of a try', 5_000, {}],
    ["the operation's deadline", 10_000, { upstreamTimeoutMs: 60_000 }],
  ])('no answer within %s', async (_name, limitMs, change) => {
    await using patient = await start(change);
    await patient.query(one);
    clock.advance(oneMinute);
    const held = helpdesk.hold('GET /chats/1');

    const asked = patient.query(one);
    await held.arrived;
    clock.advance(limitMs);
    const { errors, extensions } = await asked;

    expect(errors).toEqual([]);
    expect(extensions.upstream['stale']).toEqual({ ageMs: oneMinute + limitMs });
  });

  test('but not what it says itself', async () => {
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

describe('after a write', () => {
  test('nothing older is shown of the chat, its messages or lists that it is in', async () => {
    await gateway.query(list);
    await gateway.query(messages);
    await gateway.query(mark);
    clock.advance(oneMinute);
    failWith({ status: 500 });

    const answers = [
      await gateway.query(list),
      await gateway.query('{ chats { totalCount } }'),
      await gateway.query(messages),
    ];
    const chat = await gateway.query(one);

    expect(answers.map(codeOf)).toEqual(answers.map(() => 'UPSTREAM_UNAVAILABLE'));
    // What the write itself gave is what is known.
    expect(chat.data.chat.lastMessageText).toBe('1');
    expect(chat.extensions.upstream['stale']).toEqual({ ageMs: oneMinute });
  });

  test('what was read after it is shown again', async () => {
    await gateway.query(mark);
    clock.advance(1);
    const before = await gateway.query(list);
    clock.advance(oneMinute);
    failWith({ status: 500 });

    const after = await gateway.query(list);

    expect(after.data).toEqual(before.data);
    expect(after.errors).toEqual([]);
  });

  test('that may have happened nothing older is shown either', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 500 });
    await gateway.query(mark);

    expect(codeOf(await gateway.query(one))).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('that certainly did not happen all is shown as before', async () => {
    await gateway.query(one);
    clock.advance(oneMinute);
    failWith({ status: 429, headers: { 'retry-after': '60' } });
    const written = await gateway.query(mark);
    const after = await gateway.query(one);

    expect(codeOf(written)).toBe('RATE_LIMITED');
    expect(after.errors).toEqual([]);
    expect(after.data.chat.lastMessageText).toBe('0');
  });

  test('of another chat a list without it is shown', async () => {
    const search = '{ chats(filter: { customerId: 8 }) { nodes { id } } }';
    await gateway.query(search);
    await gateway.query(mark);
    clock.advance(oneMinute);
    failWith({ status: 500 });

    expect((await gateway.query(search)).data.chats.nodes).toEqual([{ id: '2' }]);
  });
});
