import type { Config } from '../config/settings.ts';
import type { UpstreamEndpoint } from './createApp.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';
import type { Unexpected } from '../redis/unexpectedData.ts';
import { createRateLimiter } from '../upstream/rateLimit/limiter.ts';
import { createEntityCache } from '../upstream/cache/entityCache.ts';
import { createUpstreamClient } from '../upstream/client.ts';
import type { UpstreamObserver } from '../upstream/instrumentation.ts';
import { createTransport } from '../upstream/transport.ts';

/** Added to the time limit of an upstream call before a permit that was never released is taken back. */
const permitGraceMs = 10_000;

/** The Redis modules with their address; undefined without `REDIS_URL`, where they are not even loaded. */
export const redisOf = async ({ redisUrl: url, redisTimeoutMs: timeoutMs }: Config) =>
  url === undefined
    ? undefined
    : { ...(await import('./redisComponents.ts')), at: { url, timeoutMs } };

interface UpstreamParts {
  readonly helpdesk: UpstreamEndpoint;
  readonly redis: Awaited<ReturnType<typeof redisOf>>;
  readonly unexpected: Unexpected;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: UpstreamObserver;
}

/** The client of HelpCrunch with its cache and its rate limiter. */
export function createUpstream(config: Config, parts: UpstreamParts) {
  const { helpdesk, redis, unexpected, clock, log, observer } = parts;
  const cache = createEntityCache({
    maxBytes: config.cacheMaxBytes,
    ttlsMs: config.cacheTtlsMs,
    staleIfErrorMs: config.staleIfErrorMs,
    onClockJump: (jumpMs) => log.warn('clock jump detected', { jumpMs: Math.round(jumpMs) }),
    clock,
    ...(redis && {
      createRedisCache: (onInvalidation) =>
        redis.createRedisCache({ ...redis.at, onInvalidation, clock, log, unexpected }),
    }),
  });
  const limits = {
    limit: config.rateLimit,
    clock,
    leaseTtlMs: config.upstreamTimeoutMs + permitGraceMs,
  };
  const rateLimiter =
    redis === undefined
      ? createRateLimiter(limits)
      : redis.createRedisRateLimiter({ ...limits, ...redis.at, log });
  const client = createUpstreamClient({
    transport: createTransport({
      baseUrl: helpdesk.url,
      timeoutMs: config.upstreamTimeoutMs,
      maxResponseBytes: config.upstreamMaxBytes,
      clock,
    }),
    rateLimiter,
    cache,
    clock,
    log,
    maxRetries: config.upstreamRetries,
    forwardsClientKeys: config.auth.mode === 'forward',
    observer,
  });
  return { cache, budget: rateLimiter, client };
}
