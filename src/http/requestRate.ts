import { isIPv4, isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { RedisConnection } from '../redis/connection.ts';
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
    max: maxClients,
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
  readonly redis: RedisConnection | undefined;
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

/** The address without what proxies add to it: a port, brackets, a zone. */
const plainAddress = (text: string): string =>
  text
    .replace(/^\[(.*)\](:\d+)?$/, '$1')
    .replace(/^([\d.]+):\d+$/, '$1')
    .replace(/%.*$/, '');

/**
 * The network that counts as one client: an IPv4 address, or the first 64 bits of an IPv6 address, of which one home has more than could be
 * counted. Spellings of one address are one network, and so is everything that is no address.
 * A request whose socket is gone has no address.
 */
export function clientNetwork(text: string | undefined): string {
  const address = plainAddress(text ?? '');
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return 'unknown';
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = [], tail] = canonical.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = [
    ...head,
    ...Array.from({ length: tail === undefined ? 0 : 8 - head.length - tail.length }, () => '0'),
    ...(tail ?? []),
  ].map((group) => Number.parseInt(group, 16));
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  return isMapped
    ? [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
    : groups
        .slice(0, 4)
        .map((group) => group.toString(16))
        .join(':');
}
