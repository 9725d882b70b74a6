import { once } from 'node:events';
import type { RedisServerSettings } from '../../src/redis/client.ts';
import { createRedisClient } from '../../src/redis/client.ts';
import { RedisConnections } from '../../src/redis/connection.ts';
import { createRedisScripts } from '../../src/redis/scripts.ts';
import type { RateLimiter } from '../../src/upstream/rateLimit/limiter.ts';
import type { RateLimiterOptions } from '../../src/upstream/rateLimit/registry.ts';
import {
  createRateLimiter,
  createRedisRateLimiter,
} from '../../src/upstream/rateLimit/registry.ts';
import { createManualClock } from './manualClock.ts';
import type { ManualClock } from './manualClock.ts';
import { flushMicrotasks } from './permitCallers.ts';
import type { TestRedis } from './redis.ts';
import { startRedis } from './redis.ts';

/** Rate limiters of one account with one clock. */
export interface LimiterFleet {
  readonly clock: ManualClock;
  readonly limiters: readonly RateLimiter[];
  /** Runs what can happen while the clock stands. */
  settle(): Promise<unknown>;
  /** Advances the clock in one step. */
  step(ms: number): Promise<unknown>;
}

type FleetOptions = Omit<RateLimiterOptions, 'clock'>;

/** One rate limiter without Redis. */
export function createSingleLimiter(options: FleetOptions): LimiterFleet {
  const clock = createManualClock();
  return {
    clock,
    limiters: [createRateLimiter({ ...options, clock })],
    settle: flushMicrotasks,
    async step(ms) {
      clock.advance(ms);
      await flushMicrotasks();
    },
  };
}

/** Scripts whose time the test sets under a key. */
const scripts = createRedisScripts("local now = tonumber(redis.call('GET', 'now'))\n");

export const heartbeatMs = 1_000;
/** Settles a command, its completion, and the commands that these cause. */
const rounds = 4;

export interface FleetServer {
  readonly redis: TestRedis;
  readonly settings: RedisServerSettings;
  /** The timeout of one command, in real time. By default a slow machine does not reach it. */
  readonly timeoutMs?: number;
}

async function startServer(): Promise<FleetServer> {
  const redis = await startRedis();
  return { redis, settings: { url: redis.url } };
}

/** Resolves when earlier commands and messages have arrived. */
async function roundTrip(connection: RedisConnections) {
  await connection.client.ping();
  const fence = { isAwaited: true };
  void connection.awaitFence().finally(() => {
    fence.isAwaited = false;
  });
  // Without a subscription the fence has no end, because the clock stands.
  while (fence.isAwaited && !connection.hasProblem('subscription')) await flushMicrotasks();
}

/** Rate limiters of several instances on one Redis, all with one clock. The server is stopped with them. */
export async function startLimiterFleet(
  count: number,
  options: FleetOptions,
  server?: FleetServer,
) {
  const clock = createManualClock();
  const { redis, settings, timeoutMs = 20_000 } = server ?? (await startServer());
  const client = createRedisClient(settings, {
    connectionName: 'time',
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
  });
  client.on('error', () => undefined);
  await once(client, 'ready');
  const logged: string[] = [];
  /** The instances that have noticed a loss. */
  const losses: number[] = [];
  const note = (message: string) => void logged.push(message);
  const instances = Array.from({ length: count }, (_, index) => {
    const connection = new RedisConnections({
      ...settings,
      timeoutMs,
      account: 'acme',
      clock,
      log: { info: note, warn: note, error: note },
      scripts,
    });
    const limiter = createRedisRateLimiter({
      ...options,
      clock,
      redis: connection,
      onPermitsLost: () => void losses.push(index),
    });
    return { connection, limiter };
  });
  const limiters = instances.map(({ limiter }) => limiter);

  async function settle() {
    for (let round = 0; round < rounds; round += 1) {
      await Promise.allSettled(instances.map(({ connection }) => roundTrip(connection)));
      await flushMicrotasks();
    }
  }

  async function step(ms: number) {
    await client.set('now', clock.now() + ms).catch(() => undefined);
    clock.advance(ms);
    await settle();
  }

  const isConnected = ({ connection }: (typeof instances)[number]) =>
    !connection.hasProblem('commands') && !connection.hasProblem('subscription');
  /** Resolves when all instances can use Redis. Connecting takes real time, in which the clock stands. */
  async function allConnected() {
    while (client.status !== 'ready' || !instances.every(isConnected)) await flushMicrotasks();
    await client.set('now', clock.now());
    await settle();
  }

  const allShared = async (stepMs = heartbeatMs / 2) => {
    while (limiters.some((each) => each.isShared() !== true)) await step(stepMs);
  };
  await client.set('now', clock.now());
  await allShared();
  // By then each instance has received the heartbeats of all others.
  for (let beat = 0; beat < 2; beat += 1) await step(heartbeatMs);
  return {
    clock,
    redis,
    limiters,
    logged,
    losses,
    settle,
    step,
    allConnected,
    allShared,
    async [Symbol.asyncDispose]() {
      for (const { limiter, connection } of instances) {
        limiter.close();
        connection.close();
      }
      client.disconnect();
      await redis[Symbol.asyncDispose]();
    },
  };
}
