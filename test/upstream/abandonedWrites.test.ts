import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';

const oneMinute = 60_000;
const freshMs = { ...readConfig({}).cacheTtlsMs, chats: 60 * oneMinute };

const chat = '{ chat(id: 1) { lastMessageText } }';
const mark = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { lastMessageText } }';

const clock = createManualClock();
let helpCrunch: ControlledUpstream;

beforeAll(async () => {
  helpCrunch = await startControlledUpstream();
});

afterAll(() => helpCrunch[Symbol.asyncDispose]());

beforeEach(() => {
  clock.advance(2 * 60 * oneMinute);
  helpCrunch.chats.clear();
  helpCrunch.seed({ chats: [{ id: 1 }] });
  helpCrunch.clearCalls();
});

const start = (config: Parameters<typeof startTestGateway>[0]['config'] = {}) =>
  startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { cacheTtlsMs: freshMs, rateLimit: 0, ...config },
  });

type Gateway = Awaited<ReturnType<typeof start>>;

async function callsFor(gateway: Gateway) {
  const { errors, extensions } = await gateway.query(chat);
  expect(errors).toEqual([]);
  return extensions.upstream.calls;
}

describe('unsent writes', () => {
  test('the chat stays cached when a write gets no permit before its deadline', async () => {
    await using gateway = await start({ rateLimit: 1 });
    await gateway.query(chat);

    const { errors } = await gateway.query(mark);

    expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['RATE_LIMITED']);
    expect(await callsFor(gateway)).toBe(0);
  });

  test('the chat stays cached when a write gets 429 and its deadline passes before the retry', async () => {
    await using gateway = await start({ rateLimit: 120 });
    await gateway.query(chat);
    const held = helpCrunch.hold('PUT /chats/readByAgent');

    held.respond({ status: 429, body: { errors: [] }, headers: { 'retry-after': '30' } });
    const { errors } = await gateway.query(mark);

    expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['RATE_LIMITED']);
    expect(await callsFor(gateway)).toBe(0);
  });
});

describe('sent writes', () => {
  test('the chat is invalidated when the deadline passes before the response of its write', async () => {
    await using gateway = await start({ operationTimeoutMs: 1_000 });
    await gateway.query(chat);
    const held = helpCrunch.hold('PUT /chats/readByAgent');

    const answer = gateway.query(mark);
    await held.arrived;
    held.apply();
    clock.advance(1_000);
    await held.aborted;
    const { errors } = await answer;

    expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['UPSTREAM_TIMEOUT']);
    expect(await callsFor(gateway)).toBe(1);
  });

  test('the chat is invalidated when the deadline passes before the retry of its write', async () => {
    await using gateway = await start({ rateLimit: 2, upstreamRetries: 1 });
    await gateway.query(chat);
    const held = helpCrunch.hold('PUT /chats/readByAgent');
    const state = { isAnswered: false };

    const answer = gateway.query(mark).finally(() => (state.isAnswered = true));
    await held.arrived;
    held.respond({ status: 503, body: '' });
    while (!state.isAnswered) {
      clock.advance(1);
      await fetch(`${gateway.url}/healthz`);
    }
    const { errors } = await answer;
    clock.advance(oneMinute);

    expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['UPSTREAM_UNAVAILABLE']);
    expect(await callsFor(gateway)).toBe(1);
  });
});

const describeWithRedis = hasRedis ? describe : describe.skip;

describeWithRedis('unsent writes with Redis', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis[Symbol.asyncDispose]());

  test('the chat of an unsent write stays cached in every instance', async () => {
    await using a = await start({ redisUrl: redis.url });
    await using b = await start({ redisUrl: redis.url, rateLimit: 1 });
    await redis.listenedBy(2);
    for (const { url } of [a, b]) {
      for (;;) {
        const { redis: state }: any = await (await fetch(`${url}/readyz`)).json();
        if (state === 'up') break;
        clock.advance(1_000);
      }
    }
    await b.query(chat);
    const before = [await callsFor(a), await callsFor(b)];
    const { errors } = await b.query(mark);

    expect(errors.map(({ extensions }) => extensions['code'])).toEqual(['RATE_LIMITED']);
    expect(before).toEqual([0, 0]);
    expect([await callsFor(a), await callsFor(b)]).toEqual([0, 0]);
  });
});
