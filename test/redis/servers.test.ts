import { describe, expect, test } from '@jest/globals';
import { RedisConnections } from '../../src/redis/connection.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { documentedPermissions } from '../support/permissions.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcpProxy.ts';
import { chatData, post, webhookSecret, wireDelivery } from '../support/webhooks.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

function connect(url: string) {
  const clock = createManualClock();
  const logged: [string, any][] = [];
  const note = (message: string, fields?: object) => void logged.push([message, fields]);
  const connection = new RedisConnections({
    ...{ url, timeoutMs: 20_000, account: 'acme', clock },
    log: { info: note, warn: note, error: note },
  });
  return {
    connection,
    clock,
    logged,
    [Symbol.dispose]() {
      connection.close();
    },
  };
}

type Instance = ReturnType<typeof connect>;

/** Lets time pass until the condition holds. */
async function until({ clock }: Instance, isTrue: () => boolean | Promise<boolean>) {
  while (!(await isTrue())) {
    clock.advance(1_000);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

const documented = documentedPermissions();

const urlFor = (port: number) => `redis://gateway:password@127.0.0.1:${port}`;

describeWithRedis('Redis servers (needs Redis)', () => {
  test('an instance leaves a demoted primary when the address belongs to another server', async () => {
    await using before = await startRedis();
    await using after = await startRedis();
    await using address = await startTcpProxy(before.port);
    using instance = connect(address.url);
    await until(instance, () => instance.connection.isAvailable());

    address.moveTo(after.port);
    await before.command('REPLICAOF', '127.0.0.1', after.port);
    await instance.connection.tryCommand((client) => client.set('x', 'y'));
    const isAvailable = instance.connection.isAvailable();
    await until(instance, () => instance.connection.isAvailable());

    expect(isAvailable).toBe(false);
    expect(instance.logged).toContainEqual([
      'redis unavailable, degraded to local mode',
      { reason: 'READONLY' },
    ]);
    const clients = String(await after.command('CLIENT', 'LIST'));
    expect(clients.match(/name=helpcrunch:\w+/g)?.toSorted()).toEqual([
      'name=helpcrunch:commands',
      'name=helpcrunch:pubsub',
    ]);
  });

  test('the documented permissions suffice for cache, rate limit, events and webhooks', async () => {
    await using redis = await startRedis();
    await redis.command('ACL', 'SETUSER', 'gateway', 'on', '>password', ...documented);
    await using upstream = await startControlledUpstream();
    upstream.seed({
      chats: [{ id: 1, customer: { id: 7, name: 'Ada', email: null, userId: null } }],
    });
    const start = () =>
      startTestGateway({
        upstream,
        config: {
          redisUrl: urlFor(redis.port),
          webhookSecret,
          requestRateLimit: 1_000,
          authFailureLimit: 10,
          cacheTtlsMs: { chats: 60_000, customers: 60_000, account: 60_000, absent: 5_000 },
        },
      });
    await using first = await start();
    await using second = await start();
    for (const { url } of [first, second]) {
      while (!(await (await fetch(`${url}/readyz`)).text()).includes('"up"'));
    }

    const read = await first.query('{ chat(id: 1) { id customer { name } } }');
    const again = await second.query('{ chat(id: 1) { id customer { name } } }');
    const written = await first.query(
      'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }',
    );
    const note =
      'mutation { addChatNote(chatId: 1, text: "a", idempotencyKey: "k") { __typename } }';
    await first.query(note);
    await second.query('{ chats { nodes { id } } }');
    const deletion = wireDelivery({ event: 'customer.deleted', eventData: { id: 7 } });
    await post(second, deletion);
    const body = wireDelivery({ event: 'chat.status', eventData: chatData({ id: 1 }) });
    const delivery = await post(second, body);
    await post(second, '{}', { 'x-helpcrunch-signature': 'f'.repeat(40) });

    expect([read.errors, again.errors, written.errors]).toEqual([[], [], []]);
    expect(again.extensions.upstream.calls).toBe(0);
    expect(delivery.status).toBe(200);
    expect(await redis.command('ACL', 'LOG')).toEqual([]);
  });

  test.each([
    ['channels', ['resetchannels']],
    ['scripts', ['-eval', '-evalsha']],
  ])('a user without %s is reported as unavailable with the reason', async (_name, denied) => {
    await using redis = await startRedis();
    await redis.command('ACL', 'SETUSER', 'gateway', 'on', '>password', ...documented, ...denied);
    await using upstream = await startControlledUpstream();
    await using gateway = await startTestGateway({
      upstream,
      config: { redisUrl: urlFor(redis.port), redisTimeoutMs: 5_000 },
    });

    while (!gateway.logged.join('').includes('NOPERM')) await gateway.query('{ __typename }');

    expect(await (await fetch(`${gateway.url}/healthz`)).json()).toMatchObject({ redis: 'down' });
    expect(JSON.parse(gateway.logged.at(-1)!)).toMatchObject({
      msg: 'redis unavailable, degraded to local mode',
      reason: 'NOPERM',
    });
  });

  test('a Redis that may evict keys, and one that does, are reported', async () => {
    await using redis = await startRedis(['--maxmemory-policy', 'allkeys-lru']);
    using instance = connect(redis.url);
    await until(instance, () => instance.connection.mayEvict() === true);
    expect(instance.logged).toContainEqual([
      'redis may evict keys, set maxmemory-policy to noeviction',
      { policy: 'allkeys-lru' },
    ]);

    await redis.command('SET', 'large', 'x'.repeat(100_000));
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await redis.command('SET', 'other', 'x').catch(() => undefined);
    await until(instance, () => instance.logged.some(([event]) => event === 'redis evicts keys'));

    const evicted = instance.logged.find(([event]) => event === 'redis evicts keys');
    expect(evicted?.[1].evicted).toBeGreaterThan(0);
  });

  test('a cluster is rejected at start', async () => {
    await using redis = await startRedis(['--cluster-enabled', 'yes']);
    await using upstream = await startControlledUpstream();

    await expect(startTestGateway({ upstream, config: { redisUrl: redis.url } })).rejects.toThrow(
      'REDIS_URL: the server is a Redis Cluster',
    );
  });
});
