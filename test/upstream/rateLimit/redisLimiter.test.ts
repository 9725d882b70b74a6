import { expect, test } from '@jest/globals';
import { RedisConnections } from '../../../src/redis/connection.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { Log } from '../../../src/observability/log.ts';
import { silentLog } from '../../../src/observability/log.ts';
import { createRedisRateLimiter } from '../../../src/upstream/rateLimit/registry.ts';
import { heartbeatMs } from '../../support/limiterFleet.ts';
import { customer, defaultQuotas } from '../../support/limiterScenario.ts';
import { leaseTtlMs, startInstances, windowMs } from '../../support/limiterInstances.ts';
import { flushMicrotasks, requestOf } from '../../support/permitCallers.ts';
import { hasRedis, startRedis } from '../../support/redis.ts';

if (!hasRedis)
  process.stdout.write('Skipped: the shared rate limit. Install redis-server to test it.\n');
const testWithRedis = (name: string, run: () => Promise<void>) =>
  (hasRedis ? test : test.skip)(name, run);

testWithRedis('instances together stay within the limit in every window', async () => {
  await using cluster = await startInstances(6, ['one', 'two', 'three']);

  await cluster.runCallers(220_000, { one: 4, two: 4, three: 4 });

  expect(cluster.maxInWindow()).toBeLessThanOrEqual(6);
  // The limit is used: a lease lasts for a window and the duration of the call.
  expect(cluster.calls.length).toBeGreaterThanOrEqual(6 * 3);
});

testWithRedis(
  'viewers of two instances get equal shares, however many calls each makes',
  async () => {
    await using cluster = await startInstances(6, ['greedy', 'modest'], defaultQuotas);
    const { clock } = cluster;
    const from = clock.monotonic() + 70_000;
    const to = clock.monotonic() + 300_000;

    await cluster.runCallers(320_000, { greedy: 12, modest: 4 });

    const [greedy, modest] = [cluster.count('greedy', from, to), cluster.count('modest', from, to)];
    expect(modest).toBeGreaterThan(6);
    // A caller of the modest instance is sometimes between two calls.
    expect(greedy - modest).toBeLessThanOrEqual(4);
  },
);

testWithRedis('the calls of one instance count in the status of all', async () => {
  await using cluster = await startInstances(5, ['one', 'two']);
  const permits = await Promise.all([1, 2, 3].map(() => cluster.acquire('one')));
  for (const permit of permits) permit.complete();

  await cluster.limiter('two').refresh('acme');

  expect(cluster.limiter('two').status('acme')).toMatchObject({ limit: 5, remaining: 2 });
  expect(cluster.limiter('one').status('acme')).toMatchObject({ limit: 5, remaining: 2 });
  const resetAt = cluster.limiter('two').status('acme').resetAt ?? 0;
  // Rounded up, so that no lease is released early.
  expect(resetAt - (cluster.clock.now() + windowMs)).toBeLessThanOrEqual(1);
});

testWithRedis('a call is charged to another viewer of the operation that started it', async () => {
  await using cluster = await startInstances(20, ['one'], {
    ...defaultQuotas,
    customerCallsPerMinute: 2,
  });
  const limiter = cluster.limiter('one');
  const of = (key: string, isJoined: boolean) => ({
    viewer: customer(key),
    priority: 'read' as const,
    isJoined,
  });
  const acquire = (isJoined: boolean) => {
    const deadlineMs = cluster.clock.monotonic() + 1_000;
    const request = { candidates: [of('c', false), of('d', isJoined)], deadlineMs };
    return limiter.acquire('acme', () => request, new AbortController().signal);
  };
  await acquire(true);
  await acquire(true);

  await expect(acquire(true)).rejects.toMatchObject({ details: { reason: 'VIEWER_LIMIT' } });
  (await acquire(false)).complete();
  expect(limiter.viewerStatus('acme', customer('d')).remaining).toBe(1);
});

testWithRedis('a call that cannot start before its deadline is rejected at once', async () => {
  await using cluster = await startInstances(2, ['one', 'two']);
  const permits = await Promise.all([cluster.acquire('one'), cluster.acquire('one')]);
  for (const permit of permits) permit.complete();

  const rejected = cluster.acquire('two', { deadlineMs: cluster.clock.monotonic() + 30_000 });

  await expect(rejected).rejects.toMatchObject({ kind: 'rateLimited' });
  const { details } = await rejected.catch((error: unknown) => error as any);
  expect(details.retryAfterMs).toBeGreaterThan(0);
  expect(details.retryAfterMs).toBeLessThanOrEqual(windowMs + 1);
});

testWithRedis('a write goes before the reads of another instance', async () => {
  await using cluster = await startInstances(1, ['reader', 'writer']);
  const first = await cluster.acquire('reader');
  first.complete();
  const read = cluster.acquire('reader').then((permit) => permit.complete());
  await cluster.limiter('reader').refresh('acme');

  const write = await cluster.acquireInTime('writer', { priority: 'write' });
  write.complete();
  await cluster.advance(2 * windowMs);
  await read;

  expect(cluster.calls.map(({ instance }) => instance)).toEqual(['reader', 'writer', 'reader']);
});

testWithRedis('the share of an instance that stops goes to the others', async () => {
  await using cluster = await startInstances(4, ['stops', 'runs']);
  const { clock } = cluster;
  const stopsAt = clock.monotonic() + 100_000;
  clock.after(100_000, () => cluster.limiter('stops').close());

  await cluster.runCallers(320_000, { stops: 6, runs: 6 });

  // From one window and one call after that, all windows are full of calls of the other.
  const from = stopsAt + windowMs + leaseTtlMs + 3 * heartbeatMs;
  const last = Math.max(...cluster.calls.map(({ sentAt }) => sentAt));
  const windows = (last - from) / (windowMs + 6_000);
  expect(cluster.count('runs', from)).toBeGreaterThan(4 * windows * 0.7);
  expect(cluster.maxInWindow()).toBeLessThanOrEqual(4);
});

testWithRedis('a 429 pauses all instances until a probe succeeds', async () => {
  await using cluster = await startInstances(5, ['one', 'two']);
  const permit = await cluster.acquire('one');
  const throttledAt = cluster.clock.monotonic();
  permit.throttled(20_000);
  await cluster.limiter('one').refresh('acme');
  await cluster.limiter('two').refresh('acme');
  expect(cluster.limiter('two').status('acme').remaining).toBe(0);
  await expect(
    cluster.acquire('two', { deadlineMs: cluster.clock.monotonic() + 2_000 }),
  ).rejects.toMatchObject({ kind: 'rateLimited' });

  const probe = await cluster.acquireInTime('two');
  expect(cluster.clock.monotonic() - throttledAt).toBeGreaterThanOrEqual(20_000);
  // No other call starts before the probe ends.
  let isSecondGranted = false;
  const second = cluster.acquire('one').then((granted) => {
    isSecondGranted = true;
    return granted;
  });
  await cluster.limiter('one').refresh('acme');
  await cluster.settle();
  expect(isSecondGranted).toBe(false);
  probe.complete();
  await cluster.advance(windowMs);

  (await second).complete();
});

testWithRedis('without Redis each instance uses an equal share, and logs it once', async () => {
  await using cluster = await startInstances(6, ['one', 'two']);
  await cluster.limiter('one').refresh('acme');
  await cluster.redis.kill();
  await cluster.allLocal();
  expect(cluster.logged).toEqual([
    'redis available',
    'redis available',
    'redis unavailable, degraded to local mode',
    'redis unavailable, degraded to local mode',
  ]);

  await cluster.runCallers(150_000, { one: 5, two: 5 });

  expect(cluster.maxInWindow()).toBeLessThanOrEqual(6);
  const [one, two] = [cluster.count('one'), cluster.count('two')];
  expect(Math.min(one, two)).toBeGreaterThanOrEqual(6);
  expect(Math.abs(one - two)).toBeLessThanOrEqual(3);
});

testWithRedis('calls made before an outage still count', async () => {
  await using cluster = await startInstances(6, ['one', 'two']);
  await Promise.all([1, 2, 3, 4].map(async () => (await cluster.acquire('one')).complete()));
  await cluster.limiter('two').refresh('acme');
  const usedAt = cluster.clock.monotonic();
  await cluster.redis.kill();
  await cluster.allLocal();

  // Two are left, one for each instance.
  const status = cluster.limiter('two').status('acme');
  (await cluster.acquireInTime('two')).complete();
  (await cluster.acquireInTime('two')).complete();

  expect(status.remaining).toBe(1);
  expect(cluster.clock.monotonic() - usedAt).toBeGreaterThan(windowMs / 2);
  expect(cluster.maxInWindow()).toBeLessThanOrEqual(6);
});

testWithRedis('a Redis that restarts empty learns the calls of the outage', async () => {
  await using cluster = await startInstances(6, ['one', 'two']);
  const running = cluster.runCallers(350_000, { one: 5, two: 5 });
  while (cluster.calls.length < 12) await flushMicrotasks();
  await cluster.redis.kill();
  await cluster.allLocal();
  await cluster.redis.restart();
  await running;
  await cluster.allShared();

  expect(cluster.maxInWindow()).toBeLessThanOrEqual(6);
  expect(cluster.calls.length).toBeGreaterThan(12);
});

testWithRedis('an instance rejoins only after all others had time to resync', async () => {
  await using cluster = await startInstances(6, ['one']);
  await cluster.redis.kill();
  await cluster.allLocal();
  await cluster.redis.restart();
  await cluster.allConnected();

  await cluster.advance(2 * heartbeatMs);
  const early = cluster.limiter('one').isShared();
  await cluster.advance(5 * heartbeatMs);

  expect([early, cluster.limiter('one').isShared()]).toEqual([false, true]);
  expect(cluster.logged.at(-1)).toBe('redis available');
});

testWithRedis('calls go on while Redis does not reply', async () => {
  const redis = await startRedis();
  const server = { redis, settings: { url: redis.url }, timeoutMs: 100 };
  await using cluster = await startInstances(6, ['one', 'two'], undefined, server);
  (await cluster.acquire('one')).complete();
  cluster.redis.pause();

  (await cluster.acquire('one')).complete();
  const isShared = cluster.limiter('one').isShared();

  cluster.redis.resume();
  await cluster.allShared();
  expect(isShared).toBe(false);
});

testWithRedis(
  'a client that disconnects uses no permit, and closing rejects the others',
  async () => {
    await using cluster = await startInstances(1, ['one']);
    const first = await cluster.acquire('one');
    const leaving = new AbortController();
    const request = requestOf({ deadlineMs: cluster.clock.monotonic() + 300_000 });
    const left = cluster.limiter('one').acquire('acme', () => request, leaving.signal);
    const { signal } = new AbortController();
    const waiting = cluster.limiter('one').acquire('acme', () => request, signal);
    leaving.abort(new Error('The client left.'));

    await expect(left).rejects.toThrow('The client left.');
    first.complete();
    cluster.limiter('one').close();

    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
  },
);

testWithRedis('the limit is shared by the time of Redis', async () => {
  await using redis = await startRedis();
  const start = () => {
    const clock = systemClock;
    const connection = new RedisConnections({
      url: redis.url,
      timeoutMs: 20_000,
      account: 'acme',
      clock,
      log: silentLog,
    });
    return { connection, limiter: createRedisRateLimiter({ limit: 2, clock, redis: connection }) };
  };
  const [one, two] = [start(), start()];
  while (one.limiter.isShared() !== true || two.limiter.isShared() !== true)
    await redis.command('PING');
  const deadlineMs = systemClock.monotonic() + 20_000;
  const request = () => requestOf({ deadlineMs });
  const { signal } = new AbortController();

  await one.limiter.acquire('acme', request, signal);
  await two.limiter.acquire('acme', request, signal);
  const third = await one.limiter.acquire('acme', request, signal).catch((error: unknown) => error);

  expect(third).toMatchObject({ kind: 'rateLimited' });
  for (const { limiter, connection } of [one, two]) {
    limiter.close();
    connection.close();
  }
});

/** Nothing listens on this port. */
const connectNowhere = (log: Log = silentLog) =>
  new RedisConnections({
    url: 'redis://127.0.0.1:1',
    timeoutMs: 500,
    account: 'acme',
    clock: systemClock,
    log,
  });

test('without a limit nothing is shared', () => {
  const redis = connectNowhere();
  const limiter = createRedisRateLimiter({ limit: 0, clock: systemClock, redis });

  expect(limiter.isShared()).toBeNull();
  limiter.close();
  redis.close();
});

test('calls start without Redis when it is unavailable from the start', async () => {
  const warned: string[] = [];
  const redis = connectNowhere({
    ...silentLog,
    warn: (message: string) => void warned.push(message),
  });
  const limiter = createRedisRateLimiter({ limit: 2, clock: systemClock, redis });
  const request = requestOf({ deadlineMs: systemClock.monotonic() + 5_000 });

  const permit = await limiter.acquire('acme', () => request, new AbortController().signal);
  permit.complete();

  expect(warned).toEqual(['redis unavailable, degraded to local mode']);
  expect(limiter.status('acme')).toMatchObject({ limit: 2, remaining: 1 });
  limiter.close();
  redis.close();
});
