import { describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import { readConfig } from '../../src/config/settings.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { openSocket } from '../support/socket.ts';
import { chatData, post, webhookSecret, wireDelivery } from '../support/webhooks.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const customer = { id: 7, name: 'Ada', email: null, userId: null };

/** Two gateways on one Redis, with different API keys. The clock stands still, so that a slow Redis delays a webhook instead of exceeding its time limit. */
async function startTwo(configs: readonly [Partial<Config>, Partial<Config>]) {
  const [redis, upstream] = await Promise.all([startRedis(), startControlledUpstream()]);
  upstream.seed({ chats: [{ id: 1, customer }], customers: [customer] });
  const clock = createManualClock(Date.now());
  const start = (key: string, config: Partial<Config>) =>
    startTestGateway({
      upstream: { url: upstream.url, key },
      clock,
      config: {
        rateLimit: 120,
        cacheTtlsMs: { ...readConfig({}).cacheTtlsMs, chats: 3_600_000 },
        redisUrl: redis.url,
        webhookSecret,
        ...config,
      },
    });
  const [one, other] = await Promise.all([
    start('old-key', configs[0]),
    start('new-key', configs[1]),
  ]);
  await redis.listenedBy(2);
  for (const { url } of [one, other])
    while (!(await (await fetch(`${url}/readyz`)).text()).includes('"up"'));
  const remainingOf = async ({ query }: typeof one): Promise<number> =>
    (await query('{ rateLimit { remaining } }')).data.rateLimit.remaining;
  return {
    one,
    other,
    upstream,
    remainingOf,
    async [Symbol.asyncDispose]() {
      await Promise.all([one.stop(), other.stop()]);
      await Promise.all([redis[Symbol.asyncDispose](), upstream[Symbol.asyncDispose]()]);
    },
  };
}

const chat = '{ chat(id: 1) { status } }';

/** The event is delivered to one instance, and the subscription is at the other one. */
async function subscribe({ url }: { readonly url: string }) {
  const socket = await openSocket(url);
  await socket.initialize();
  const query = 'subscription { chatUpdated(id: 1) { change } }';
  socket.send({ type: 'subscribe', id: '1', payload: { query } });
  return socket;
}

const statusChange = (id: string) =>
  wireDelivery({ event: 'chat.rated', eventData: chatData({ id: 1, customer }), id });

describeWithRedis('instances with one account name and different API keys (need Redis)', () => {
  test('share cache entries', async () => {
    await using account = await startTwo([{}, {}]);
    await account.one.query(chat);

    const { data, extensions } = await account.other.query(chat);

    expect(data).toEqual({ chat: { status: 'OPENED' } });
    expect(extensions.upstream).toMatchObject({ calls: 0, cacheHits: 1 });
  });

  test('share the window of the rate limit', async () => {
    await using account = await startTwo([{}, {}]);

    await account.one.query('{ a: chat(id: 1) { status } b: chat(id: 404) { status } }');

    expect(await account.remainingOf(account.other)).toBe(118);
  });

  test('share events, and apply each webhook once', async () => {
    await using account = await startTwo([{}, {}]);
    await using socket = await subscribe(account.other);
    await account.other.waitForSubscriptions(1);

    const first = await post(account.one, statusChange('once'));
    const event = await socket.nextMessage();
    const second = await post(account.other, statusChange('once'));

    expect(event).toMatchObject({
      type: 'next',
      payload: { data: { chatUpdated: { change: 'RATED' } } },
    });
    expect([first.outcome, second.outcome]).toEqual(['applied', 'duplicate']);
  });
});

describeWithRedis('instances with different account names (need Redis)', () => {
  test('share neither cache entries, nor the rate limit, nor webhooks', async () => {
    await using account = await startTwo([{ account: 'shop' }, { account: 'bank' }]);
    await account.one.query(chat);
    const first = await post(account.one, statusChange('both'));

    const { extensions } = await account.other.query(chat);
    const second = await post(account.other, statusChange('both'));

    expect(extensions.upstream.calls).toBe(1);
    expect([first.outcome, second.outcome]).toEqual(['applied', 'applied']);
    expect(await account.remainingOf(account.one)).toBe(119);
  });
});

test('with AUTH=forward the account name does not connect clients with different keys', async () => {
  await using upstream = await startControlledUpstream();
  upstream.seed({ chats: [{ id: 1, customer }], customers: [customer] });
  await using gateway = await startTestGateway({
    upstream,
    config: {
      auth: { mode: 'forward' },
      account: 'shop',
      rateLimit: 120,
      cacheTtlsMs: { ...readConfig({}).cacheTtlsMs, chats: 3_600_000 },
    },
  });
  const callsOf = async (key: string) =>
    (await gateway.query(chat, {}, { authorization: `Bearer ${key}` })).extensions.upstream.calls;

  const calls = [await callsOf('one'), await callsOf('one'), await callsOf('other')];

  expect(calls).toEqual([1, 0, 1]);
});
