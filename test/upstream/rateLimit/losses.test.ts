import { describe, expect, test } from '@jest/globals';
import { redisKey } from '../../../src/redis/keys.ts';
import { heartbeatMs } from '../../support/limiterFleet.ts';
import { startInstances, windowMs } from '../../support/limiterInstances.ts';
import type { TestRedis } from '../../support/redis.ts';
import { hasRedis } from '../../support/redis.ts';

const leases = redisKey('acme', 'leases');
const window = redisKey('acme', 'window');
const throttle = redisKey('acme', 'throttle');
const instanceNames = redisKey('acme', 'instances');
const recoversWithinMs = 5_000;

type Lose = (redis: TestRedis) => Promise<unknown>;

const flush: Lose = async (redis) => {
  // The time of the tests is in Redis, too.
  const now = await redis.command('GET', 'now');
  await redis.command('EVAL', "redis.call('FLUSHALL') redis.call('SET', 'now', ARGV[1])", 0, now);
};

const losses: readonly { name: string; lose: Lose }[] = [
  { name: 'all keys', lose: flush },
  { name: 'the permits', lose: (redis) => redis.command('DEL', leases) },
  { name: 'the permits and the state', lose: (redis) => redis.command('UNLINK', leases, window) },
  { name: 'one permit', lose: (redis) => redis.command('ZPOPMIN', leases) },
  { name: 'a replaced key', lose: (redis) => redis.command('SET', leases, 'text') },
];

type Instances = Awaited<ReturnType<typeof startInstances>>;

const make = async (cluster: Instances, instance: string, count: number) => {
  for (let call = 0; call < count; call += 1) (await cluster.acquire(instance)).complete();
};

/** One instance or both, each once. */
const expectOneReport = ({ losses: instances }: Instances) => {
  expect(instances.length).toBeGreaterThan(0);
  expect(new Set(instances).size).toBe(instances.length);
};

/** Both instances have seen the present window. */
const refresh = (cluster: Instances) =>
  Promise.all(['one', 'two'].map((name) => cluster.limiter(name).refresh('acme')));

(hasRedis ? describe : describe.skip)('permits that Redis loses (needs Redis)', () => {
  test.each(losses)(
    'after the loss of $name the limit is not exceeded, and shared again within 5 s',
    async ({ lose }) => {
      await using cluster = await startInstances(6, ['one', 'two']);
      await make(cluster, 'one', 4);
      await refresh(cluster);
      const lostAt = cluster.clock.monotonic();

      await lose(cluster.redis);
      // The second instance has made no call: only the first one lost permits of its own.
      const calls = [1, 2, 3, 4].map(() => cluster.acquire('two').then((call) => call.complete()));
      await cluster.settle();
      const isShared = cluster.limiter('two').isShared();
      await cluster.allShared();
      const sharedAfterMs = cluster.clock.monotonic() - lostAt;
      await refresh(cluster);

      expect(isShared).toBe(false);
      expectOneReport(cluster);
      expect(sharedAfterMs).toBeLessThanOrEqual(recoversWithinMs);
      expect(cluster.count('two')).toBe(2);
      for (const name of ['one', 'two'])
        expect(cluster.limiter(name).status('acme')).toMatchObject({ limit: 6, remaining: 0 });
      await cluster.advance(2 * windowMs);
      await Promise.all(calls);
      expect(cluster.maxInWindow()).toBe(6);
    },
  );

  test('a loss is noticed by the next heartbeat, without any call', async () => {
    await using cluster = await startInstances(6, ['one', 'two']);
    await make(cluster, 'one', 3);
    await flush(cluster.redis);

    await cluster.advance(heartbeatMs);

    expectOneReport(cluster);
    await cluster.allShared();
    await refresh(cluster);
    expect(cluster.limiter('two').status('acme').remaining).toBe(3);
  });

  test('a pause after 429 survives its loss in all instances', async () => {
    await using cluster = await startInstances(6, ['one', 'two']);
    (await cluster.acquire('one')).throttled(30_000);
    await cluster.settle();
    await refresh(cluster);
    const pausedAt = cluster.clock.monotonic();

    await cluster.redis.command('DEL', throttle);
    const probe = await cluster.acquireInTime('two');

    expect(cluster.clock.monotonic() - pausedAt).toBeGreaterThanOrEqual(29_500);
    expectOneReport(cluster);
    probe.complete();
  });

  test('the permits of an instance that has stopped are restored by the others', async () => {
    await using cluster = await startInstances(6, ['one', 'two']);
    await make(cluster, 'one', 4);
    await refresh(cluster);
    cluster.limiter('one').close();

    await flush(cluster.redis);
    await cluster.advance(recoversWithinMs);

    expect(cluster.limiter('two').status('acme').remaining).toBe(2);
  });

  test('the permits of an instance that stops during an outage are restored by the others', async () => {
    await using cluster = await startInstances(6, ['one', 'two']);
    await make(cluster, 'one', 4);
    await refresh(cluster);
    cluster.limiter('one').close();

    await cluster.redis.kill();
    while (cluster.limiter('two').isShared() === true) await cluster.settle();
    await cluster.redis.restart();
    await cluster.allConnected();
    await cluster.allShared();
    await cluster.limiter('two').refresh('acme');

    expect(cluster.limiter('two').status('acme').remaining).toBe(2);
  });

  test('a Redis that loses all keys again and again is reported once, and each instance uses an equal share', async () => {
    await using cluster = await startInstances(6, ['one', 'two']);
    await make(cluster, 'one', 1);
    const keys = [leases, window, throttle, instanceNames];
    cluster.disturbSteps(() => cluster.redis.command('DEL', ...keys));

    await cluster.runCallers(250_000, { one: 5, two: 5 });

    expect(cluster.maxInWindow()).toBeLessThanOrEqual(6);
    expect(Math.min(cluster.count('one'), cluster.count('two'))).toBeGreaterThanOrEqual(6);
    expectOneReport(cluster);
  });

  test('permits that expire are not reported as lost', async () => {
    await using cluster = await startInstances(6, ['one', 'two']);

    await cluster.runCallers(200_000, { one: 3, two: 3 });

    expect(cluster.losses).toEqual([]);
    expect(cluster.calls.length).toBeGreaterThan(18);
  });
});
