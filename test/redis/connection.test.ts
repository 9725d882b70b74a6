import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { RedisConnections } from '../../src/redis/connection.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

describeWithRedis('the connection to Redis (needs Redis)', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis(['--maxmemory-policy', 'noeviction']);
  });

  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });

  async function connect({ url }: TestRedis = redis) {
    const clock = createManualClock();
    const logged: unknown[] = [];
    const note = (message: string, fields?: object) => void logged.push([message, fields]);
    const connection = new RedisConnections({
      url,
      timeoutMs: 20_000,
      account: 'acme',
      clock,
      log: { info: note, warn: note, error: note },
    });
    const until = async (isAvailable: boolean) => {
      while (connection.isAvailable() !== isAvailable) {
        clock.advance(1_000);
        await redis.command('PING').catch(() => undefined);
      }
    };
    await until(true);
    return {
      connection,
      logged,
      until,
      [Symbol.dispose]() {
        connection.close();
      },
    };
  }

  test('is one for commands and one for pub/sub', async () => {
    using instance = await connect();

    const clients = String(await redis.command('CLIENT', 'LIST'));

    expect(instance.connection.isAvailable()).toBe(true);
    expect(
      [...clients.matchAll(/ name=(helpcrunch:\w+)/g)].map(([, name]) => name).toSorted(),
    ).toEqual(['helpcrunch:commands', 'helpcrunch:pubsub']);
  });

  test('stays available when a command fails because of the type of its key', async () => {
    using instance = await connect();
    await redis.command('LPUSH', 'list', 'x');

    const reply = await instance.connection.tryCommand((client) => client.get('list'));

    expect(reply).toBeUndefined();
    expect(instance.connection.isAvailable()).toBe(true);
  });

  test('logs an outage once when it starts, with its reason, and once when it ends', async () => {
    await using own = await startRedis();
    using instance = await connect(own);

    await own.kill();
    await instance.until(false);
    for (let count = 0; count < 10; count += 1)
      expect(await instance.connection.tryCommand((client) => client.get('x'))).toBeUndefined();
    await own.restart();
    await instance.until(true);

    expect(instance.logged).toMatchObject([
      ['redis available', undefined],
      ['redis unavailable, degraded to local mode', { reason: expect.stringMatching(/^\w+$/) }],
      ['redis available', undefined],
    ]);
  });

  test('is unavailable while Redis is out of memory, but publishes messages', async () => {
    using instance = await connect();
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');

    await instance.connection.tryCommand((client) => client.set('x', 'y'));
    const isAcknowledged = await instance.connection.awaitFence();
    const isAvailable = instance.connection.isAvailable();
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await instance.until(true);

    expect([isAvailable, isAcknowledged]).toEqual([false, true]);
    expect(instance.logged.at(-2)).toEqual([
      'redis unavailable, degraded to local mode',
      { reason: 'OOM' },
    ]);
  });

  test('is unavailable until every participant has resynced', async () => {
    using instance = await connect();
    let attempts = 0;
    const participant = {
      isSynced: () => attempts >= 2,
      resync() {
        attempts += 1;
        return Promise.resolve();
      },
    };

    instance.connection.register(participant);
    instance.connection.requestResync();
    const isAvailable = instance.connection.isAvailable();
    await instance.until(true);

    expect([isAvailable, attempts]).toEqual([false, 2]);
  });
});
