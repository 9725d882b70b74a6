import { expect, jest, test } from '@jest/globals';
import type {
  RateLimiter,
  PermitRequest,
  Permit,
} from '../../../src/upstream/rateLimit/limiter.ts';
import { createRedisRateLimiter } from '../../../src/upstream/rateLimit/redisLimiter.ts';
import { UpstreamError } from '../../../src/upstream/errors.ts';
import { systemClock, toWallTime } from '../../../src/lib/clock.ts';
import { hasRedis, startRedis } from '../../support/redis.ts';

if (!hasRedis)
  process.stdout.write('Skipped: the shared budget. Install redis-server to test it.\n');
const testWithRedis = (name: string, run: () => Promise<void>) =>
  (hasRedis ? test : test.skip)(name, run, 30_000);

// A machine that keeps this process waiting for longer than these times says nothing about the budget.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

// Redis' clock cannot be moved, so that all times are short and everything waits for what it needs.
const windowMs = 600;
const callMs = 300;
const beatMs = 60;
const clock = systemClock;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Left {
  readonly who: string;
  readonly leftAt: number;
  doneAt: number;
}

/** Several budgets on one Redis, and the helpdesk's view of what they let through. */
async function startInstances(limit: number, names: readonly string[]) {
  const redis = await startRedis();
  const left: Left[] = [];
  const logged: string[] = [];
  const changes = new Set<() => void>();
  const note = (message: string) => {
    logged.push(message);
    for (const change of changes) change();
  };
  const log = { info: note, warn: note, error: note };
  const budgets = new Map<string, RateLimiter>();
  for (const name of names) {
    const options = {
      limit,
      clock,
      windowMs,
      leaseTtlMs: callMs,
      heartbeatMs: beatMs,
      log,
      url: redis.url,
      timeoutMs: 500,
    };
    budgets.set(name, createRedisRateLimiter(options));
  }
  const limiter = (name: string): RateLimiter => budgets.get(name)!;

  /** Resolves when something that is logged has made it true. */
  const until = (isTrue: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = () => {
        if (!isTrue()) return;
        changes.delete(look);
        resolve();
      };
      changes.add(look);
      look();
    });
  const allShared = () => until(() => [...budgets.values()].every((each) => each.isShared()));
  const allAlone = () => until(() => [...budgets.values()].every((each) => !each.isShared()));

  async function acquire(who: string, request: Partial<PermitRequest> = {}): Promise<Permit> {
    const full = {
      viewer: 'ada',
      priority: 'read' as const,
      deadlineMs: clock.monotonic() + 30_000,
      ...request,
    };
    const permit = await limiter(who).acquire('acme', () => full, new AbortController().signal);
    const entry = { who, leftAt: clock.monotonic(), doneAt: Infinity };
    left.push(entry);
    return {
      release() {
        entry.doneAt = clock.monotonic();
        permit.release();
      },
      throttled(ms) {
        entry.doneAt = clock.monotonic();
        permit.throttled(ms);
      },
    };
  }

  /** Calls as fast as it may until it is told to stop; each takes a little. */
  async function requestContinuously(
    who: string,
    isOver: () => boolean,
    request: Partial<PermitRequest> = {},
  ) {
    while (!isOver()) {
      try {
        const permit = await acquire(who, { deadlineMs: clock.monotonic() + 1_500, ...request });
        await pause(Math.random() * 30);
        permit.release();
      } catch (error) {
        if (error instanceof UpstreamError && error.kind === 'unavailable') return;
        if (!(error instanceof UpstreamError) || error.kind !== 'rateLimited') throw error;
        const { retryAfterMs = 1 } = error.details;
        await pause(retryAfterMs);
      }
    }
  }

  /** Most calls that one window of the helpdesk can have held. */
  const most = () =>
    Math.max(
      0,
      ...left.map(
        ({ doneAt: from }) =>
          left.filter(({ leftAt, doneAt }) => leftAt < from + windowMs && doneAt >= from).length,
      ),
    );

  await allShared();
  // By then each has heard of all others.
  await pause(2 * beatMs);
  return {
    redis,
    left,
    logged,
    budget: limiter,
    acquire,
    requestContinuously,
    most,
    allShared,
    allAlone,
    count: (who: string, from = 0, to = Infinity) =>
      left.filter((call) => call.who === who && call.leftAt >= from && call.leftAt < to).length,
    async [Symbol.asyncDispose]() {
      for (const each of budgets.values()) each.close();
      await redis[Symbol.asyncDispose]();
    },
  };
}

const forMs = (ms: number) => {
  const end = clock.monotonic() + ms;
  return () => clock.monotonic() >= end;
};

testWithRedis('many instances together stay within the limit of any window', async () => {
  await using world = await startInstances(6, ['one', 'two', 'three']);
  const isOver = forMs(2_200);

  await Promise.all(
    ['one', 'two', 'three'].flatMap((who) =>
      Array.from({ length: 4 }, () => world.requestContinuously(who, isOver)),
    ),
  );

  expect(world.most()).toBeLessThanOrEqual(6);
  // What there is is used: a slot lasts for a window and half a call, and little is lost between.
  expect(world.left.length).toBeGreaterThanOrEqual(6 * 3);
});

testWithRedis('instances that wait get equal parts, however many calls wait in each', async () => {
  await using world = await startInstances(6, ['greedy', 'modest']);
  const isOver = forMs(3_200);
  const to = clock.monotonic() + 3_000;
  const greedy = Array.from({ length: 12 }, () => world.requestContinuously('greedy', isOver));
  const from = clock.monotonic() + 700;
  await world.acquire('greedy').then((permit) => permit.release());

  const modest = Array.from({ length: 4 }, () => world.requestContinuously('modest', isOver));
  await Promise.all([...greedy, ...modest]);

  const [most, least] = [world.count('greedy', from, to), world.count('modest', from, to)];
  expect(least).toBeGreaterThan(6);
  // A caller of the modest one is now and then between two calls.
  expect(most - least).toBeLessThanOrEqual(4);
});

testWithRedis('what one instance spends all others know', async () => {
  await using world = await startInstances(5, ['one', 'two']);
  const slots = await Promise.all([1, 2, 3].map(() => world.acquire('one')));
  for (const permit of slots) permit.release();

  await world.budget('two').refresh('acme');

  expect(world.budget('two').status('acme')).toMatchObject({ limit: 5, remaining: 2 });
  expect(world.budget('one').status('acme')).toMatchObject({ limit: 5, remaining: 2 });
  const resetAt = world.budget('two').status('acme').resetAt ?? 0;
  expect(Math.abs(resetAt - toWallTime(clock, world.left[2]!.doneAt + windowMs))).toBeLessThan(250);
});

testWithRedis(
  'what cannot be served in time is refused at once, whoever has spent it',
  async () => {
    await using world = await startInstances(2, ['one', 'two']);
    const slots = await Promise.all([world.acquire('one'), world.acquire('one')]);
    for (const permit of slots) permit.release();
    const askedAt = clock.monotonic();

    const refused = world.acquire('two', { deadlineMs: askedAt + 300 });

    await expect(refused).rejects.toMatchObject({ kind: 'rateLimited' });
    expect(clock.monotonic() - askedAt).toBeLessThan(300);
    const { details } = await refused.catch((error: unknown) => error as any);
    expect(details.retryAfterMs).toBeGreaterThan(0);
    expect(details.retryAfterMs).toBeLessThanOrEqual(windowMs);
  },
);

testWithRedis('a change goes before the reads of another instance', async () => {
  await using world = await startInstances(1, ['reader', 'writer']);
  const first = await world.acquire('reader');
  first.release();
  const read = world.acquire('reader');
  await world.budget('reader').refresh('acme');
  const write = world.acquire('writer', { priority: 'write' });

  (await write).release();
  (await read).release();

  expect(world.left.map(({ who }) => who)).toEqual(['reader', 'writer', 'reader']);
});

testWithRedis('the part of an instance that dies goes to the others', async () => {
  await using world = await startInstances(4, ['dies', 'lives']);
  const isOver = forMs(3_200);
  const callers = ['dies', 'lives'].flatMap((who) =>
    Array.from({ length: 6 }, () => world.requestContinuously(who, isOver)),
  );
  const diedAt = clock.monotonic() + 1_000;
  await pause(1_000);
  world.budget('dies').close();

  await Promise.all(callers);

  // From one window and a call after the death, all windows are full of the other's calls.
  const from = diedAt + windowMs + callMs + 3 * beatMs;
  const windows = (Math.max(...world.left.map(({ leftAt }) => leftAt)) - from) / (windowMs + 60);
  expect(world.count('lives', from)).toBeGreaterThan(4 * windows * 0.7);
  expect(world.most()).toBeLessThanOrEqual(4);
});

testWithRedis('a call that was refused closes the gate of all instances', async () => {
  await using world = await startInstances(5, ['one', 'two']);
  const permit = await world.acquire('one');
  const refusedAt = clock.monotonic();
  permit.throttled(2_000);
  await world.budget('one').refresh('acme');
  await world.budget('two').refresh('acme');
  expect(world.budget('two').status('acme').remaining).toBe(0);
  await expect(world.acquire('two', { deadlineMs: clock.monotonic() + 200 })).rejects.toMatchObject(
    {
      kind: 'rateLimited',
    },
  );

  const probe = await world.acquire('two');
  // Redis' clock and this process's are not one.
  expect(clock.monotonic() - refusedAt).toBeGreaterThan(1_950);
  // While the probe is under way nobody else may call.
  let isSecondServed = false;
  const second = world.acquire('one').then((permit) => {
    isSecondServed = true;
    return permit;
  });
  await world.budget('one').refresh('acme');
  expect(isSecondServed).toBe(false);
  probe.release();

  (await second).release();
});

testWithRedis('without Redis each instance keeps to an equal share, and says so', async () => {
  await using world = await startInstances(6, ['one', 'two']);
  await world.budget('one').refresh('acme');
  await world.redis.kill();
  await world.allAlone();
  expect(world.logged.filter((message) => message.startsWith('Redis is away'))).toHaveLength(2);
  expect(world.budget('one').isShared()).toBe(false);

  const isOver = forMs(1_500);
  await Promise.all(
    ['one', 'two'].flatMap((who) =>
      Array.from({ length: 5 }, () => world.requestContinuously(who, isOver)),
    ),
  );

  expect(world.most()).toBeLessThanOrEqual(6);
  const [one, two] = [world.count('one'), world.count('two')];
  expect(Math.min(one, two)).toBeGreaterThanOrEqual(6);
  expect(Math.abs(one - two)).toBeLessThanOrEqual(3);
});

testWithRedis('what was spent before Redis went still counts', async () => {
  await using world = await startInstances(6, ['one', 'two']);
  await Promise.all([1, 2, 3, 4].map(async () => (await world.acquire('one')).release()));
  await world.budget('two').refresh('acme');
  const spentAt = clock.monotonic();
  await world.redis.kill();
  await world.allAlone();

  // Two are left, one for each.
  const status = world.budget('two').status('acme');
  (await world.acquire('two')).release();
  (await world.acquire('two')).release();

  expect(status.remaining).toBe(1);
  expect(clock.monotonic() - spentAt).toBeGreaterThan(windowMs / 2);
  expect(world.most()).toBeLessThanOrEqual(6);
});

testWithRedis(
  'a Redis that comes back empty is told what was spent, and shared again',
  async () => {
    await using world = await startInstances(6, ['one', 'two']);
    const isOver = forMs(3_500);
    const callers = ['one', 'two'].flatMap((who) =>
      Array.from({ length: 5 }, () => world.requestContinuously(who, isOver)),
    );
    await pause(700);
    await world.redis.kill();
    await world.allAlone();
    await pause(700);
    await world.redis.restart();
    await world.allShared();

    await Promise.all(callers);

    expect(world.most()).toBeLessThanOrEqual(6);
    expect(world.budget('one').isShared()).toBe(true);
  },
);

testWithRedis('a Redis that answers nothing holds nobody up for long', async () => {
  await using world = await startInstances(6, ['one', 'two']);
  await world.acquire('one').then((permit) => permit.release());
  world.redis.pause();
  const askedAt = clock.monotonic();

  (await world.acquire('one')).release();

  expect(clock.monotonic() - askedAt).toBeLessThan(2_000);
  world.redis.resume();
  await world.allShared();
});

testWithRedis('who leaves takes nothing, and closing refuses the others', async () => {
  await using world = await startInstances(1, ['one']);
  const first = await world.acquire('one');
  const leaving = new AbortController();
  const request = {
    viewer: 'ada',
    priority: 'read' as const,
    deadlineMs: clock.monotonic() + 30_000,
  };
  const left = world.budget('one').acquire('acme', () => request, leaving.signal);
  const waiting = world.budget('one').acquire('acme', () => request, new AbortController().signal);
  leaving.abort(new Error('The client left.'));

  await expect(left).rejects.toThrow('The client left.');
  first.release();
  world.budget('one').close();

  await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
});

test('without a limit nothing is shared', () => {
  const limiter = createRedisRateLimiter({
    limit: 0,
    clock,
    url: 'redis://127.0.0.1:1',
    timeoutMs: 500,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });

  expect(limiter.isShared()).toBeNull();
  limiter.close();
});

test('a Redis that was never there holds nobody up', async () => {
  const warned: string[] = [];
  const log = {
    info: () => undefined,
    warn: (message: string) => void warned.push(message),
    error: () => undefined,
  };
  const limiter = createRedisRateLimiter({
    limit: 2,
    clock,
    url: 'redis://127.0.0.1:1',
    timeoutMs: 500,
    log,
  });
  const request = {
    viewer: 'ada',
    priority: 'read' as const,
    deadlineMs: clock.monotonic() + 5_000,
  };

  const permit = await limiter.acquire('acme', () => request, new AbortController().signal);
  permit.release();

  expect(warned).toEqual(['Redis is away: this instance keeps to an equal share of calls']);
  expect(limiter.status('acme')).toMatchObject({ limit: 2, remaining: 1 });
  limiter.close();
});
