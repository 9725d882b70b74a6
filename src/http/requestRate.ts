import { createHash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '../lib/clock.ts';

/** How many requests a minute one client may make. */
export interface RequestRateLimiter {
  /** Counts one request; how long to wait when it is one too many. */
  consume(name: string): Promise<number | undefined>;
  /** The same for one more request, which is not counted. */
  nextWaitMs(name: string): Promise<number | undefined>;
}

const windowSeconds = 60;

/** Of so many clients at most the count is kept; whoever comes on top takes the place of who was seen longest ago. */
const maxClients = 20_000;

/** How long a Redis that failed is not asked again: its silence would be waited for by every request. */
const cooldownMs = 1_000;

/** Nobody needs to read in Redis who asked. */
const keyOf = (name: string): string =>
  createHash('sha256').update(name).digest('base64url').slice(0, 22);

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

/** The wait that a refusal tells; anything else that failed is thrown again. */
function retryAfterOf(rejection: unknown): number {
  // The library counts by the wall clock, which may have been set back; it forgets by a timer.
  if (rejection instanceof RateLimiterRes)
    return Math.min(windowSeconds * 1_000, Math.max(1, rejection.msBeforeNext));
  throw rejection;
}

interface RequestRateOptions {
  /** Requests in a minute; 0 for no limit. */
  readonly limit: number;
  /** What is counted, to tell two counts in one Redis apart. */
  readonly counterName: string;
  readonly redis: Redis | undefined;
  readonly clock: Clock;
}

const noWait = () => Promise.resolve(undefined);

/** Counted by all instances together where there is a Redis, and by each alone while it is away. */
export function createRequestRateLimiter({
  limit,
  counterName,
  redis,
  clock,
}: RequestRateOptions): RequestRateLimiter {
  if (limit === 0) return { consume: noWait, nextWaitMs: noWait };
  const alone = createMemoryLimiter(limit);
  const shared =
    redis === undefined
      ? undefined
      : new RateLimiterRedis({
          storeClient: redis,
          points: limit,
          duration: windowSeconds,
          keyPrefix: `helpcrunch:1:${counterName}`,
          rejectIfRedisNotReady: true,
        });
  let cooldownUntilMs = 0;

  async function run<Result>(command: (limiter: Pick<typeof alone, 'consume' | 'get'>) => Result) {
    if (shared === undefined || clock.monotonic() < cooldownUntilMs) return command(alone);
    try {
      return await command(shared);
    } catch (error) {
      if (error instanceof RateLimiterRes) throw error;
      cooldownUntilMs = clock.monotonic() + cooldownMs;
      return command(alone);
    }
  }

  return {
    consume: (name) =>
      run((limiter) => limiter.consume(keyOf(name))).then(() => undefined, retryAfterOf),
    async nextWaitMs(name) {
      const counted = await run((limiter) => limiter.get(keyOf(name)));
      return counted === null || counted.consumedPoints < limit ? undefined : retryAfterOf(counted);
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
