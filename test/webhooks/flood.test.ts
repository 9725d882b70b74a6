import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { openSocket } from '../support/socket.ts';
import { chatData, deliver, webhookSecret } from '../support/webhooks.ts';

const customer = { id: 7, name: 'Ada', email: null, userId: null };
const concurrency = 50;

describe('a flood of webhooks', () => {
  let clock: ReturnType<typeof createManualClock>;
  let upstream: ControlledUpstream;
  let gateway: Awaited<ReturnType<typeof startTestGateway>>;

  beforeEach(async () => {
    clock = createManualClock(Date.now());
    upstream = await startControlledUpstream();
    upstream.seed({
      chats: Array.from({ length: 600 }, (_, index) => ({ id: index + 1, customer })),
    });
    gateway = await startTestGateway({
      upstream,
      clock,
      config: {
        webhookSecret,
        rateLimit: 120,
        cacheTtlsMs: { chats: 60_000, customers: 60_000, account: 60_000, absent: 5_000 },
      },
    });
  });

  afterEach(async () => {
    await gateway.stop();
    await upstream[Symbol.asyncDispose]();
  });

  /** Webhooks about messages, each of which invalidates its chat; the ids of messages are those of the webhooks. */
  async function flood(count: number, chatIdOf: (index: number) => number) {
    const outcomes = new Map<string, number>();
    for (let sent = 0; sent < count; sent += concurrency) {
      const batch = Array.from({ length: Math.min(concurrency, count - sent) }, async (_, at) => {
        const id = sent + at + 1;
        const message = { id, text: `message ${id}`, createdAt: '1603885600' };
        const eventData = { ...chatData({ id: chatIdOf(id), customer }), message };
        const { outcome } = await deliver(gateway, {
          event: 'message.chat.customer',
          eventData,
          atMs: clock.now(),
        });
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      });
      await Promise.all(batch);
    }
    return outcomes;
  }

  /** A subscription whose results are read all the time. */
  async function subscribe(query: string) {
    const socket = await openSocket(gateway.url);
    await socket.initialize();
    socket.send({ id: 'a', type: 'subscribe', payload: { query } });
    const results: any[] = [];
    socket.socket.on('message', (data: Buffer) =>
      results.push(JSON.parse(data.toString()).payload),
    );
    return Object.assign(socket, { results });
  }

  const withChat = 'subscription { chatUpdated { change chat { id lastMessageText } } }';

  /** Advances the clock by a second at a time until the condition is true; the number of seconds. */
  async function secondsUntil(isTrue: () => boolean) {
    for (let seconds = 0; ; seconds += 1) {
      await gateway.query('{ __typename }');
      if (isTrue()) return seconds;
      clock.advance(1_000);
    }
  }

  test('2,000 webhooks for four chats cost few calls, and the last change of each chat is delivered', async () => {
    await using updates = await subscribe(withChat);
    await gateway.waitForSubscriptions(1);

    const outcomes = await flood(2_000, (id) => (id % 4) + 1);
    const callsDuring = upstream.calls.length;
    upstream.seed({ chats: [1, 2, 3, 4].map((id) => ({ id, customer, lastMessageText: 'last' })) });
    await flood(4, (id) => (id % 4) + 1);
    const ids = () =>
      updates.results
        .map(({ data }) => data?.chatUpdated.chat)
        .filter((chat) => chat?.lastMessageText === 'last')
        .map(({ id }) => id);
    const seconds = await secondsUntil(() => new Set(ids()).size === 4);

    expect(outcomes).toEqual(new Map([['applied', 2_000]]));
    expect(callsDuring).toBeLessThanOrEqual(21);
    expect(seconds).toBeLessThanOrEqual(10);
    expect(updates.results.filter(({ errors }) => errors !== undefined)).toEqual([]);
    expect(upstream.calls.length).toBeLessThanOrEqual(21 + seconds);
  });

  test('1,000 webhooks for 500 chats leave quota to queries, and lost events are reported', async () => {
    await using updates = await subscribe(withChat);
    await gateway.waitForSubscriptions(1);

    const outcomes = await flood(1_000, (id) => (id % 500) + 1);
    const callsDuring = upstream.calls.length;
    const read = await gateway.query('{ chats(first: 1) { nodes { id } } }');
    const seconds = await secondsUntil(() => updates.results.length >= 100);

    expect(outcomes).toEqual(new Map([['applied', 1_000]]));
    expect(callsDuring).toBeLessThanOrEqual(21);
    expect(read.errors).toEqual([]);
    const missed = updates.results.filter(({ errors }) => errors?.[0].extensions.missed === true);
    expect(missed).toHaveLength(1);
    // At most half of the rate limit.
    expect(upstream.calls.length).toBeLessThanOrEqual(callsDuring + 3 + seconds);
  });

  test('messages of a flood are all delivered, without upstream calls', async () => {
    const query = 'subscription { messageReceived { id text } }';
    await using messages = await subscribe(query);
    await gateway.waitForSubscriptions(1);

    await flood(1_000, (id) => (id % 3) + 1);
    await secondsUntil(() => messages.results.length >= 1_000);

    expect(messages.results.map(({ data }) => Number(data?.messageReceived.id))).toEqual(
      expect.arrayContaining(Array.from({ length: 1_000 }, (_, index) => index + 1)),
    );
    expect(upstream.calls).toEqual([]);
  });
});
