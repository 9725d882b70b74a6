import type { RedisConnections } from '../../redis/connection.ts';
import { createAccountLimiter } from './accountLimiter.ts';
import type { ClusterWindowLimiter } from './clusterLimiter.ts';
import { createClusterWindowLimiter } from './clusterLimiter.ts';
import { ClusterMembership } from './clusterMembership.ts';
import type { RateLimiter, RateLimiterOptions } from './limiter.ts';
import { createRateLimiter, defaultTiming } from './limiter.ts';
import { createRateLimiterRegistry } from './registry.ts';

export interface RedisRateLimiterOptions extends RateLimiterOptions {
  readonly redis: RedisConnections;
}

const heartbeatMs = 1_000;
const waiterTtlMs = 3 * heartbeatMs;

/** A rate limiter that several instances share. It sends heartbeats until it is closed. */
export function createRedisRateLimiter(options: RedisRateLimiterOptions): RateLimiter {
  const { limit, clock, redis } = options;
  // Without a limit there is nothing to share.
  if (limit === 0) return createRateLimiter(options);

  const limiters = new Map<string, ClusterWindowLimiter>();
  const cluster = new ClusterMembership({
    redis,
    clock,
    heartbeatMs,
    events: {
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
  });
  const timing = { windowMs: options.windowMs ?? defaultTiming.windowMs };
  const leaseTtlMs = options.leaseTtlMs ?? defaultTiming.leaseTtlMs;

  const registry = createRateLimiterRegistry({
    limit,
    createAccountLimiter: (account) =>
      createAccountLimiter(clock, (onChange) => {
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
