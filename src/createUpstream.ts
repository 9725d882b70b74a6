import type { Config } from './config.ts';
import type { Helpdesk } from './gateway.ts';
import type { Clock } from './support/clock.ts';
import type { Log } from './support/log.ts';
import type { Unexpected } from './support/unexpected.ts';
import { createBudget } from './upstream/budget/budget.ts';
import { createCache } from './upstream/cache/cache.ts';
import { createUpstreamClient } from './upstream/client.ts';
import type { CallObserver } from './upstream/watch.ts';
import { createTransport } from './upstream/transport.ts';

/** Added to the time limit of an upstream call before a permit that was never released is taken back. */
const permitGraceMs = 10_000;

/** The Redis modules with their address; undefined without `REDIS_URL`, where they are not even loaded. */
export const redisOf = async ({ redisUrl: url, redisTimeoutMs: timeoutMs }: Config) =>
  url === undefined ? undefined : { ...(await import('./sharing.ts')), at: { url, timeoutMs } };

interface UpstreamParts {
  readonly helpdesk: Helpdesk;
  readonly redis: Awaited<ReturnType<typeof redisOf>>;
  readonly unexpected: Unexpected;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: CallObserver;
}

/** The client of HelpCrunch with its cache and its rate limiter. */
export function createUpstream(config: Config, parts: UpstreamParts) {
  const { helpdesk, redis, unexpected, clock, log, observer } = parts;
  const cache = createCache({
    maxBytes: config.cacheMaxBytes,
    freshMs: config.freshMs,
    staleMs: config.staleIfErrorMs,
    onClockJump: (jumpMs) => log.warn('clock jump detected', { jumpMs: Math.round(jumpMs) }),
    clock,
    ...(redis && {
      share: (onChange) =>
        redis.createSharedMemory({ ...redis.at, onChange, clock, log, unexpected }),
    }),
  });
  const limits = {
    limit: config.rateLimit,
    clock,
    callMs: config.upstreamTimeoutMs + permitGraceMs,
  };
  const budget =
    redis === undefined
      ? createBudget(limits)
      : redis.createSharedBudget({ ...limits, ...redis.at, log });
  const client = createUpstreamClient({
    transport: createTransport({
      baseUrl: helpdesk.url,
      timeoutMs: config.upstreamTimeoutMs,
      maxBytes: config.upstreamMaxBytes,
      clock,
    }),
    budget,
    cache,
    clock,
    log,
    maxRetries: config.upstreamRetries,
    isKeyOfClient: config.auth.mode === 'forward',
    observer,
  });
  return { cache, budget, client };
}
