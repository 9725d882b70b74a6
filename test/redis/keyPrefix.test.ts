import { describe, expect, test } from '@jest/globals';
import { redisKey } from '../../src/redis/keys.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { documentedPermissions } from '../support/permissions.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { redisSettings } from '../support/redisSettings.ts';
import { openSocket } from '../support/socket.ts';
import { chatData, post, webhookSecret, wireDelivery } from '../support/webhooks.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const oneHour = 3_600_000;
const prefixes = ['staging:', 'live:'] as const;
const chatQuery = '{ chat(id: 1) { id customer { name } } }';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

async function subscribe({ url }: Gateway) {
  const socket = await openSocket(url);
  await socket.initialize();
  const query = 'subscription { chatUpdated { change } }';
  socket.send({ id: 'a', type: 'subscribe', payload: { query } });
  return socket;
}

const update = (id: string, event: string) =>
  wireDelivery({ event, eventData: chatData({ id: 1, status: 'closed', rating: 'great' }), id });

describeWithRedis('REDIS_KEY_PREFIX (needs Redis)', () => {
  /** Two instances with each prefix. The user of a prefix may use its keys and channels only. */
  async function startInstances() {
    const redis = await startRedis();
    const upstream = await startControlledUpstream();
    upstream.seed({
      chats: [{ id: 1, customer: { id: 7, name: 'Ada', email: null, userId: null } }],
      customers: [{ id: 7 }],
    });
    const start = async (keyPrefix: string) => {
      const user = keyPrefix.replace(':', '');
      const permissions = documentedPermissions(keyPrefix);
      await redis.command('ACL', 'SETUSER', user, 'on', '>password', ...permissions);
      return startTestGateway({
        upstream,
        config: {
          redisUrl: `redis://${user}:password@127.0.0.1:${redis.port}`,
          redis: redisSettings({ keyPrefix }),
          webhookSecret,
          rateLimit: 1_000_000,
          requestRateLimit: 1_000_000,
          authFailureLimit: 1_000,
          cacheTtlsMs: { chats: oneHour, customers: oneHour, account: oneHour, absent: oneHour },
        },
      });
    };
    const staging = [await start('staging:'), await start('staging:')] as const;
    const live = [await start('live:'), await start('live:')] as const;
    const gateways = [...staging, ...live];
    for (const { url } of gateways) {
      while (!(await (await fetch(`${url}/readyz`)).text()).includes('"up"'));
    }
    for (const prefix of prefixes) await redis.listenedBy(2, prefix);
    return {
      redis,
      upstream,
      staging,
      live,
      keys: async (pattern = '*'): Promise<string[]> => redis.command('KEYS', pattern),
      async [Symbol.asyncDispose]() {
        await Promise.all(gateways.map((gateway) => gateway.stop()));
        await Promise.all([redis[Symbol.asyncDispose](), upstream[Symbol.asyncDispose]()]);
      },
    };
  }

  test('every key and channel begins with the prefix, whatever instances do', async () => {
    await using group = await startInstances();
    const { redis, staging, live } = group;

    for (const [first, second] of [staging, live]) {
      await first.query(chatQuery);
      await second.query('{ chats { nodes { id } } customers { nodes { id } } }');
      await second.query('{ chat(id: 1) { id messages { nodes { id } } } }');
      await first.query('mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }');
      const note =
        'mutation { addChatNote(chatId: 1, text: "a", idempotencyKey: "k") { __typename } }';
      await first.query(note);
      await post(second, update('d-1', 'chat.closed'));
      await post(second, '{}', { 'x-helpcrunch-signature': 'f'.repeat(40) });
      await first.query(chatQuery);
    }

    const keys = await group.keys();
    const kindsOf = (prefix: string) =>
      new Set(
        keys
          .filter((key) => key.startsWith(`${prefix}helpcrunch:`))
          .map((key) => key.slice(prefix.length).split(':')[3]),
      );
    const isPrefixed = (name: string) =>
      prefixes.some((prefix) => name.startsWith(`${prefix}helpcrunch:`));
    expect(keys.filter((key) => !isPrefixed(key))).toEqual([]);
    for (const prefix of prefixes) {
      expect([...kindsOf(prefix)]).toEqual(
        expect.arrayContaining([
          ...['tag', 'generation', 'window', 'instances', 'delivery', 'requests', 'failures'],
          ...['idempotency', 'probe', 'log', 'logged', 'position'],
        ]),
      );
    }
    const channels: string[] = await redis.command('PUBSUB', 'CHANNELS', '*');
    expect(channels).toHaveLength(4);
    expect(channels.filter((channel) => !isPrefixed(channel))).toEqual([]);
    expect(await redis.command('ACL', 'LOG')).toEqual([]);
  });

  test('instances with another prefix receive no event and no invalidation', async () => {
    await using group = await startInstances();
    const { staging, live, upstream } = group;
    await using ofStaging = await subscribe(staging[1]);
    await using ofLive = await subscribe(live[1]);
    await Promise.all([staging[1].waitForSubscriptions(1), live[1].waitForSubscriptions(1)]);
    await staging[1].query(chatQuery);
    await live[1].query(chatQuery);
    upstream.clearCalls();

    await post(staging[0], update('d-1', 'chat.closed'));
    const received = await ofStaging.nextMessage();
    const untouched = await live[1].query(chatQuery);
    const invalidated = await staging[1].query(chatQuery);
    // The same delivery is new to these instances.
    const delivery = await post(live[0], update('d-1', 'chat.rated'));
    const first = await ofLive.nextMessage();

    expect(received.payload.data.chatUpdated.change).toBe('CLOSED');
    expect(untouched.extensions.upstream.calls).toBe(0);
    expect(invalidated.extensions.upstream.calls).toBeGreaterThan(0);
    expect(delivery.outcome).toBe('applied');
    expect(first.payload.data.chatUpdated.change).toBe('RATED');
  });

  test('a customer is erased from the keys with the prefix only', async () => {
    await using group = await startInstances();
    const { staging, live } = group;
    const entries = (prefix: string) => group.keys(`${prefix}${redisKey('*', 'entry')}:*`);
    for (const [prefix, [gateway]] of [
      ['staging:', staging],
      ['live:', live],
    ] as const) {
      await gateway.query(chatQuery);
      while ((await entries(prefix)).length === 0);
    }

    await post(staging[1], wireDelivery({ event: 'customer.deleted', eventData: { id: 7 } }));
    while ((await entries('staging:')).length > 0);

    expect((await entries('live:')).length).toBeGreaterThan(0);
  });
});
