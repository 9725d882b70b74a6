import type { Config } from '../config/settings.ts';
import type { UpstreamEndpoint } from './createApp.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';
import { createRateLimiter } from '../upstream/rateLimit/limiter.ts';
import { createEntityCache } from '../upstream/cache/entityCache.ts';
import { createUpstreamClient } from '../upstream/client.ts';
import type { UpstreamObserver } from '../upstream/instrumentation.ts';
import { createTransport } from '../upstream/transport.ts';

/** Added to the time limit of an upstream call before a permit that was never released is taken back. */
const permitGraceMs = 10_000;

interface RedisParts {
  /** The gateway's own account. */
  readonly account: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The connection to Redis and the modules that use it; undefined without `REDIS_URL`. */
export async function connectRedis(
  { redisUrl: url, redisTimeoutMs: timeoutMs }: Config,
  parts: RedisParts,
) {
  if (url === undefined) return undefined;
  const { RedisConnection, ...components } = await import('./redisComponents.ts');
  return { ...components, connection: new RedisConnection({ url, timeoutMs, ...parts }) };
}

interface UpstreamParts {
  readonly helpdesk: UpstreamEndpoint;
  readonly redis: Awaited<ReturnType<typeof connectRedis>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: UpstreamObserver;
}

/** The client of HelpCrunch with its cache and its rate limiter. */
export function createUpstream(config: Config, parts: UpstreamParts) {
  const { helpdesk, redis, clock, log, observer } = parts;
  const cache = createEntityCache({
    maxBytes: config.cacheMaxBytes,
    ttlsMs: config.cacheTtlsMs,
    staleIfErrorMs: config.staleIfErrorMs,
    onClockJump: (jumpMs) => log.warn('clock jump detected', { jumpMs: Math.round(jumpMs) }),
    clock,
    ...(redis && {
      createRedisCache: (onInvalidation) =>
        new redis.RedisCache({ redis: redis.connection, onInvalidation, clock }),
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
      : redis.createRedisRateLimiter({ ...limits, redis: redis.connection });
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
