import type { Log } from '../../observability/log.ts';
import type { RateLimiter, RateLimiterOptions } from './limiter.ts';
import { createRateLimiter, defaultTiming } from './limiter.ts';
import { createAccountLimiter } from './accountLimiter.ts';
import { createClusterMembership } from './clusterMembership.ts';
import { createRateLimiterRegistry } from './registry.ts';
import type { ClusterWindowLimiter } from './clusterLimiter.ts';
import { createClusterWindowLimiter } from './clusterLimiter.ts';

export interface RedisRateLimiterOptions extends RateLimiterOptions {
  /** Redis' address. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly log: Log;
  /** How often this instance says that it lives and waits. */
  readonly heartbeatMs?: number;
}

const heartbeatsToExpireWaiter = 3;

/** A budget that several instances spend together. Until `close` it says at every beat that it lives. */
export function createRedisRateLimiter(options: RedisRateLimiterOptions): RateLimiter {
  const { limit, clock, url, timeoutMs, log, heartbeatMs = 1_000 } = options;
  // Without a limit there is nothing to share.
  if (limit === 0) return createRateLimiter(options);

  const limiters = new Map<string, ClusterWindowLimiter>();
  const cluster = createClusterMembership(
    { url, timeoutMs, clock, log, heartbeatMs },
    {
      onModeChange() {
        for (const limiter of limiters.values()) limiter.changeMode();
      },
      onHeartbeat() {
        for (const limiter of limiters.values()) void limiter.sync();
      },
      async resync() {
        const synced = await Promise.all(
          Array.from(limiters.values(), (limiter) => limiter.resync()),
        );
        return synced.every(Boolean);
      },
    },
  );
  const timing = { windowMs: options.windowMs ?? defaultTiming.windowMs };
  const leaseTtlMs = options.leaseTtlMs ?? defaultTiming.leaseTtlMs;

  const registry = createRateLimiterRegistry({
    limit,
    createAccountLimiter: (account) =>
      createAccountLimiter(clock, (onChange) => {
        const waiterTtlMs = heartbeatsToExpireWaiter * heartbeatMs;
        const limiter = createClusterWindowLimiter(
          { cluster, account, limit, clock, waiterTtlMs, leaseTtlMs, ...timing },
          onChange,
        );
        limiters.set(account, limiter);
        return limiter;
      }),
    onRemove: (account) => void limiters.delete(account),
  });

  return {
    ...registry,
    status(account) {
      registry.ensure(account);
      return registry.status(account);
    },
    async refresh(account) {
      registry.ensure(account);
      await limiters.get(account)?.sync();
    },
    isShared: () => cluster.mode() === 'distributed',
    close() {
      registry.close();
      cluster.close();
      limiters.clear();
    },
  };
}
