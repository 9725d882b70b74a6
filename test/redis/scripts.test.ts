import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { ScriptName } from '../../src/redis/scripts.ts';
import { createRedisScripts } from '../../src/redis/scripts.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const scripts = createRedisScripts("local now = tonumber(redis.call('GET', 'now'))\n");
const windowMs = 60_000;
const leaseTtlMs = 15_000;
const reportTtlMs = 3_000;

interface AcquireOptions {
  readonly limit?: number;
  readonly version?: number;
  readonly throttleVersion?: number;
  readonly report?: string;
  readonly expectedCount?: number;
}

describeWithRedis('scripts (needs Redis)', () => {
  let redis: TestRedis;
  let client: Redis;

  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.port, '127.0.0.1');
  });

  afterAll(async () => {
    client.disconnect();
    await redis[Symbol.asyncDispose]();
  });

  const setTime = (ms: number) => client.set('now', ms);

  beforeEach(async () => {
    await client.flushall();
    await setTime(1_000_000);
  });

  const run = (name: ScriptName, keys: readonly string[], args: readonly (string | number)[]) =>
    client.eval(scripts[name].text, keys.length, ...keys, ...args) as Promise<any>;

  let leaseNumber = 0;
  /** Acquires permits with the versions that the caller read, or with those that are current. */
  async function acquire(
    instance: string,
    count: number,
    { limit = 4, version, throttleVersion, report = '', expectedCount = 0 }: AcquireOptions = {},
  ) {
    const ids = Array.from({ length: count }, () => `${instance}:${(leaseNumber += 1)}:21a:viewer`);
    const keys = ['leases', 'window', 'throttle'];
    const throttle = JSON.parse((await client.get('throttle')) ?? '{"version":0}');
    const current = Number((await client.hget('window', 'version')) ?? 0);
    const args = [
      instance,
      version ?? current,
      throttleVersion ?? throttle.version,
      limit,
      windowMs,
      leaseTtlMs,
      reportTtlMs,
      report,
      expectedCount,
      ...ids,
    ];
    const [isGranted, newVersion, now, text, reports, leases, recoveryMs] = await run(
      'acquirePermits',
      keys,
      args,
    );
    return {
      ids,
      isGranted,
      version: newVersion,
      now,
      throttle: text,
      reports,
      leases,
      recoveryMs,
    };
  }

  const throttleState = (state: Readonly<Record<string, number>>) =>
    JSON.stringify({
      version: 1,
      pausedUntil: 0,
      probeUntil: 0,
      pauseMs: 2_000,
      adaptiveLimit: 2,
      minLimit: 1,
      limitUpdatedAt: 1_000_000,
      ...state,
    });

  test('acquirePermits adds permits to the window and returns when each is released', async () => {
    const first = await acquire('a', 3);
    const second = await acquire('b', 1);

    expect(first).toMatchObject({ isGranted: 1, version: 1, now: 1_000_000 });
    expect(second).toMatchObject({ isGranted: 1, version: 2 });
    expect(second.leases).toEqual(
      [...first.ids, ...second.ids].flatMap((id) => [id, 1 + leaseTtlMs + windowMs]),
    );
  });

  test('acquirePermits adds all permits or none when the limit would be exceeded', async () => {
    await acquire('a', 3);

    expect(await acquire('b', 2)).toMatchObject({ isGranted: 0, version: 1 });
    expect(await acquire('b', 1)).toMatchObject({ isGranted: 1, version: 2 });
  });

  test('acquirePermits rejects a decision about a window that another instance has changed', async () => {
    await acquire('a', 1);

    const late = await acquire('b', 1, { version: 0 });

    expect(late).toMatchObject({ isGranted: 0, version: 1 });
    expect(late.leases).toHaveLength(2);
  });

  test('acquirePermits rejects a decision about a throttle that another instance has changed', async () => {
    await client.set('throttle', throttleState({ version: 3 }));

    expect(await acquire('a', 1, { throttleVersion: 2 })).toMatchObject({ isGranted: 0 });
    expect(await acquire('a', 1)).toMatchObject({ isGranted: 1 });
  });

  test('acquirePermits releases a permit when its time is over', async () => {
    await acquire('a', 4);
    await setTime(1_000_000 + 1 + leaseTtlMs + windowMs);

    expect(await acquire('b', 4)).toMatchObject({ isGranted: 1 });
  });

  test('acquirePermits returns the reports of the other instances until they expire', async () => {
    await acquire('a', 0, { report: 'from a' });
    await acquire('b', 0, { report: 'from b' });

    const before = await acquire('c', 0);
    await setTime(1_000_000 + reportTtlMs);
    const after = await acquire('c', 0);

    expect(before.reports.toSorted()).toEqual(['from a', 'from b']);
    expect(after.reports).toEqual([]);
  });

  test('acquirePermits grants one probe after a pause', async () => {
    await client.set('throttle', throttleState({ pausedUntil: 1_005_000 }));
    const paused = await acquire('a', 1);
    await setTime(1_005_000);

    const two = await acquire('a', 2);
    const probe = await acquire('a', 1);
    const other = await acquire('b', 1);

    expect([paused, two, probe, other].map(({ isGranted }) => isGranted)).toEqual([0, 0, 1, 0]);
    expect(JSON.parse(probe.throttle)).toMatchObject({
      version: 2,
      probeUntil: 1_005_000 + leaseTtlMs,
    });
  });

  test('acquirePermits treats data of other programs as absent', async () => {
    await client.set('leases', 'text');
    await client.hset('window', { version: 'x', 'report:x': 'y' });
    await client.set('throttle', '[]');

    expect(await acquire('a', 1, { version: 0, throttleVersion: 0 })).toMatchObject({
      isGranted: 1,
      version: 1,
      reports: [],
    });
  });

  test('completeLeases releases a completed call after a window and an unsent one at once', async () => {
    const { ids } = await acquire('a', 2);

    await run('completeLeases', ['leases'], [windowMs, 1, ...ids]);

    expect(await client.zrange('leases', '0', '-1', 'WITHSCORES')).toEqual([
      ids[0],
      String(1_000_000 + 1 + windowMs),
    ]);
  });

  test('completeLeases does not restore a lease that has expired', async () => {
    await run('completeLeases', ['leases'], [windowMs, 1, 'a:1:1']);

    expect(await client.exists('leases')).toBe(0);
  });

  test('updateThrottle rejects an update of an earlier version', async () => {
    const state = throttleState({});

    const first = await run('updateThrottle', ['throttle'], [0, state]);
    const second = await run('updateThrottle', ['throttle'], [0, throttleState({ pauseMs: 1 })]);

    expect(first).toEqual([1, state]);
    expect(second).toEqual([0, state]);
  });

  const resync = (recoveryMs: number, own: readonly string[], others: readonly string[] = []) =>
    run(
      'resync',
      ['leases', 'throttle', 'window'],
      [
        ...['a', leaseTtlMs + windowMs, throttleState({ version: 0 }), recoveryMs, own.length],
        ...[...own, ...others].flatMap((id) => [id, 5_000]),
      ],
    );

  test('resync replaces the leases of one instance only', async () => {
    await acquire('a', 2);
    const { ids } = await acquire('b', 1);

    await resync(0, ['a:9:1']);

    expect((await client.zrange('leases', '0', '-1')).toSorted()).toEqual(
      ['a:9:1', ...ids].toSorted(),
    );
    expect(await client.zscore('leases', 'a:9:1')).toBe(String(1_000_000 + 1 + 5_000));
    expect(await client.exists('throttle')).toBe(0);
  });

  test('resync adds leases of other instances that are missing, and lets all read the window again', async () => {
    const { ids, version } = await acquire('b', 1);

    await resync(0, [], [...ids, 'b:9:1']);

    const after = await acquire('b', 1, { version });
    expect(after).toMatchObject({ isGranted: 0, version: 2, recoveryMs: 0 });
    expect(after.leases).toEqual(['b:9:1', 1 + 5_000, ids[0], 1 + leaseTtlMs + windowMs]);
  });

  test('acquirePermits grants nothing when known permits are missing, and during a recovery', async () => {
    await acquire('a', 2);
    await client.del('leases');

    const lost = await acquire('a', 1, { expectedCount: 2 });
    await resync(3_000, ['a:1:1', 'a:2:1']);
    const recovering = await acquire('b', 1, { expectedCount: 2 });
    await setTime(1_003_000);
    const recovered = await acquire('b', 1, { expectedCount: 2 });

    expect([lost, recovering, recovered]).toMatchObject([
      { isGranted: 0, recoveryMs: 0, leases: [] },
      { isGranted: 0, recoveryMs: 3_000, reports: [] },
      { isGranted: 1, recoveryMs: 0 },
    ]);
  });

  test('heartbeat counts instances until their heartbeats expire, and reports those that were unknown', async () => {
    const beat = (instance: string) => run('heartbeat', ['instances'], [instance, 5_000]);

    const counts = [await beat('a'), await beat('b')];
    await setTime(1_005_000);
    counts.push(await beat('b'));

    expect(counts).toEqual([
      [1, 1],
      [2, 1],
      [1, 0],
    ]);
  });

  test('acquireDelivery reserves a delivery once', async () => {
    const states = [
      await run('acquireDelivery', ['delivery'], [10_000]),
      await run('acquireDelivery', ['delivery'], [10_000]),
    ];
    await client.set('delivery', 'processed');
    states.push(await run('acquireDelivery', ['delivery'], [10_000]));

    expect(states).toEqual(['acquired', 'inProgress', 'processed']);
  });

  const get = () => run('getEntries', ['generation', 'tag', 'entry'], ['v1', 60_000, 1, 1]);
  const put = (generation: string) =>
    run(
      'putEntries',
      ['generation', 'tag', 'entry'],
      ['v1', 60_000, 1, generation, 1, 'text', 60_000],
    );
  const invalidate = (...replacement: readonly (string | number)[]) =>
    run(
      'invalidate',
      ['generation', 'entry', 'tag', 'tag'],
      ['v2', 60_000, 'channel', 'message', ...replacement],
    );

  test('getEntries returns an entry until its tag is invalidated', async () => {
    const [generation, absent] = await get();
    await put(generation);
    const stored = await get();
    await client.set('tag', 'another version');

    expect([generation, absent]).toEqual(['v1', null]);
    expect(stored).toEqual(['v1', 'text']);
    expect(await get()).toEqual(['v1', null]);
  });

  test('putEntries stores nothing that was read before an invalidation', async () => {
    const [generation] = await get();
    await invalidate();

    expect(await put(generation)).toBe(0);
    expect(await get()).toEqual(['v2', null]);
  });

  test('invalidate stores a replacement that was read in the current generation', async () => {
    const [generation] = await get();
    await invalidate(generation, 'replacement', 60_000);
    const current = await get();
    await invalidate(generation, 'too late', 60_000);

    expect(current).toEqual(['v2', 'replacement']);
    expect(await get()).toEqual(['v2', null]);
  });
});
