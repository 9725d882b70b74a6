import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { lruEntryLimit } from '../lib/entryLimit.ts';
import type { RedisConnections } from '../redis/connection.ts';
import { hashedName, redisKey } from '../redis/keys.ts';

/** Limits the requests of each client per minute. */
export interface RequestRateLimiter {
  /** Counts one request; the milliseconds to wait if it exceeds the limit. */
  consume(name: string): Promise<number | undefined>;
  /** The same for the next request, without counting it. */
  nextWaitMs(name: string): Promise<number | undefined>;
}

const windowSeconds = 60;

/** Of further clients, the least recently seen loses its count. */
const maxClients = 20_000;

function createMemoryLimiter(points: number) {
  const limiter = new RateLimiterMemory({ points, duration: windowSeconds });
  const seen = new LRUCache<string, true>({
    ...lruEntryLimit(maxClients),
    dispose: (_value, name, reason) => {
      if (reason === 'evict') void limiter.delete(name);
    },
  });
  return {
    consume(key: string) {
      seen.set(key, true);
      return limiter.consume(key);
    },
    get: (key: string) => limiter.get(key),
  };
}

/** The library counts by the wall clock, which can be set back, and expires counts by a timer. */
const waitOf = ({ msBeforeNext }: RateLimiterRes): number =>
  Math.min(windowSeconds * 1_000, Math.max(1, msBeforeNext));

interface RequestRateOptions {
  /** Requests per minute; 0 for no limit. */
  readonly limit: number;
  /** The requests that are counted. */
  readonly kind: 'requests' | 'failures';
  readonly redis: RedisConnections | undefined;
}

const noWait = () => Promise.resolve(undefined);

/** Counts the requests of all instances in Redis, and of this instance while Redis is unavailable. */
export function createRequestRateLimiter({
  limit,
  kind,
  redis,
}: RequestRateOptions): RequestRateLimiter {
  if (limit === 0) return { consume: noWait, nextWaitMs: noWait };
  const local = createMemoryLimiter(limit);
  const shared =
    redis &&
    new RateLimiterRedis({
      storeClient: redis.client,
      points: limit,
      duration: windowSeconds,
      keyPrefix: redisKey(redis.account, kind),
    });

  async function run<Result>(
    command: (limiter: Pick<typeof local, 'consume' | 'get'>) => Promise<Result>,
  ): Promise<Result> {
    const result = shared && (await redis.tryCommand(() => command(shared)));
    return result === undefined ? command(local) : result;
  }

  return {
    consume: (name) =>
      run(async (limiter) => {
        try {
          await limiter.consume(hashedName(name));
          return { waitMs: undefined };
        } catch (error) {
          if (error instanceof RateLimiterRes) return { waitMs: waitOf(error) };
          throw error;
        }
      }).then(({ waitMs }) => waitMs),
    async nextWaitMs(name) {
      const counted = await run((limiter) => limiter.get(hashedName(name)));
      return counted === null || counted.consumedPoints < limit ? undefined : waitOf(counted);
    },
  };
}
