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
const waiterTtlMs = 3_000;

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

  let acquisitions = 0;
  /** The leases granted, and the replies that other tests read. */
  async function acquire(instance: string, demand: readonly [number, number, number], limit = 4) {
    acquisitions += 1;
    const args = [
      instance,
      acquisitions,
      windowMs,
      leaseTtlMs,
      limit,
      waiterTtlMs,
      1_000,
      ...demand,
    ];
    const keys = ['leases', 'waiters', 'throttle'];
    const [throttle, now, granted, peers, peersUntil, used, ...rest] = await run(
      'acquireLeases',
      keys,
      args,
    );
    return {
      granted,
      peers,
      peersUntil,
      used,
      now,
      throttle,
      peerDemand: rest.slice(0, 3),
      releaseTimes: rest.slice(3),
      ids: Array.from(
        { length: granted },
        (_, index) => `${instance}:${acquisitions}:${index + 1}`,
      ),
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

  test('acquireLeases grants what is free and returns when leases are released', async () => {
    const first = await acquire('a', [0, 3, 0]);
    const second = await acquire('b', [0, 3, 0]);

    expect(first).toMatchObject({ granted: 3, peers: 0, used: 3, now: 1_000_000 });
    expect(second).toMatchObject({ granted: 1, used: 4 });
    expect(second.releaseTimes).toEqual(Array(4).fill(1 + leaseTtlMs + windowMs));
  });

  test('acquireLeases grants free leases to waiting instances in turn', async () => {
    const { ids } = await acquire('a', [0, 4, 0]);
    await acquire('a', [0, 4, 0]);
    await acquire('b', [0, 4, 0]);
    await run('completeLeases', ['leases'], [windowMs, 0, ...ids]);

    const b = await acquire('b', [0, 4, 0]);
    const a = await acquire('a', [0, 4, 0]);

    expect([a.granted, b.granted]).toEqual([2, 2]);
  });

  test('acquireLeases prefers the writes of one instance to the reads of another', async () => {
    await acquire('a', [0, 4, 0]);
    await acquire('writer', [1, 0, 0]);
    await setTime(1_000_000 + leaseTtlMs + windowMs - 1_000);
    await acquire('writer', [1, 0, 0], 5).then(({ granted }) => expect(granted).toBe(1));

    const reader = await acquire('reader', [0, 1, 0]);

    expect(reader.granted).toBe(0);
  });

  test('acquireLeases ignores waiters that have expired', async () => {
    await acquire('a', [0, 4, 0]);
    await acquire('b', [0, 1, 0]);

    const before = await acquire('c', [0, 1, 0]);
    await setTime(1_000_000 + waiterTtlMs);
    const after = await acquire('c', [0, 1, 0]);

    expect(before).toMatchObject({ peers: 1, peerDemand: [0, 1, 0], peersUntil: waiterTtlMs });
    expect(after).toMatchObject({ peers: 0, peerDemand: [0, 0, 0] });
  });

  test('acquireLeases grants one probe after a pause', async () => {
    await client.set('throttle', throttleState({ pausedUntil: 1_005_000 }));
    const paused = await acquire('a', [0, 2, 0]);
    await setTime(1_005_000);

    const probe = await acquire('a', [0, 2, 0]);
    const other = await acquire('b', [0, 2, 0]);

    expect([paused.granted, probe.granted, other.granted]).toEqual([0, 1, 0]);
    expect(JSON.parse(probe.throttle)).toMatchObject({
      version: 2,
      probeUntil: 1_005_000 + leaseTtlMs,
    });
  });

  test('acquireLeases raises a reduced limit by one in each recovery interval', async () => {
    await client.set('throttle', throttleState({}));
    await setTime(1_001_500);

    expect(await acquire('a', [0, 4, 0])).toMatchObject({ granted: 3 });
  });

  test('completeLeases releases a completed call after a window and an unsent one at once', async () => {
    const { ids } = await acquire('a', [0, 2, 0]);

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

  test('resync replaces the leases of one instance only', async () => {
    await acquire('a', [0, 2, 0]);
    const { ids } = await acquire('b', [0, 1, 0]);
    const args = ['a', windowMs, throttleState({ version: 0 }), 'a:9:1', 5_000];

    await run('resync', ['leases', 'throttle'], args);

    expect((await client.zrange('leases', '0', '-1')).toSorted()).toEqual(
      ['a:9:1', ...ids].toSorted(),
    );
    expect(await client.zscore('leases', 'a:9:1')).toBe(String(1_000_000 + 1 + 5_000));
    expect(await client.exists('throttle')).toBe(0);
  });

  test('heartbeat counts instances until their heartbeats expire', async () => {
    const beat = (instance: string) => run('heartbeat', ['instances'], [instance, 5_000]);

    const counts = [await beat('a'), await beat('b')];
    await setTime(1_005_000);
    counts.push(await beat('b'));

    expect(counts).toEqual([1, 2, 1]);
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
