import { createFallbackLimiter } from './fallbackLimiter.ts';
import { createClusterState } from './clusterState.ts';
import type { WindowLimiter } from './windowLimiter.ts';
import type { RedisWindowOptions } from './redisWindow.ts';
import type { DistributedLimiter } from './distributedLimiter.ts';
import { createDistributedLimiter } from './distributedLimiter.ts';

export interface ClusterWindowLimiter extends WindowLimiter {
  changeMode(): void;
  /** Reports the demand of this instance and receives that of its peers; then the status is that of all instances. */
  sync(): Promise<void>;
  /** Sends the leases of this instance to Redis; whether they arrived. */
  resync(): Promise<boolean>;
}

/** Limits an account whose key several instances use: Redis grants leases, and without it each instance uses an equal share. */
export function createClusterWindowLimiter(
  options: RedisWindowOptions,
  onChange: () => void,
): ClusterWindowLimiter {
  const { cluster, clock, windowMs } = options;
  const state = createClusterState(options, onChange);
  let distributed: DistributedLimiter | undefined;
  let usedAt = clock.monotonic();

  function limiterForMode(): WindowLimiter {
    distributed =
      cluster.mode() === 'fallback'
        ? undefined
        : createDistributedLimiter(state, {
            clock,
            windowMs,
            mode: () => cluster.mode(),
            onChange,
          });
    return distributed ?? createFallbackLimiter(state, options);
  }
  let current = limiterForMode();

  const touch = () => {
    usedAt = clock.monotonic();
    return current;
  };

  return {
    available: () => current.available(),
    acquire: () => touch().acquire(),
    reportDemand: (queued) => current.reportDemand(queued),
    forecastCapacity: (queued) => current.forecastCapacity(queued),
    nextWakeAt: () => current.nextWakeAt(),
    status: () => touch().status(),

    isIdle: () =>
      current.isIdle() &&
      usedAt + windowMs < clock.monotonic() &&
      state.ownLeases.count() === 0 &&
      state.outstanding().length === 0 &&
      state.pausedUntil() === 0,

    changeMode() {
      current = limiterForMode();
      // Reports calls that started during the last resync, before the next leases are requested.
      if (cluster.mode() === 'distributed') void state.resync();
      onChange();
    },

    async sync() {
      if (cluster.mode() === 'distributed') await distributed?.sync();
    },

    resync: state.resync,
  };
}
