import { createFallbackLimiter } from './fallbackLimiter.ts';
import { createClusterState } from './clusterState.ts';
import type { WindowLimiter } from './windowLimiter.ts';
import type { RedisWindowOptions } from './redisWindow.ts';
import type { DistributedLimiter } from './distributedLimiter.ts';
import { createDistributedLimiter } from './distributedLimiter.ts';

export interface ClusterWindowLimiter extends WindowLimiter {
  changeMode(): void;
  /** Tells the others what is wanted here and hears of them; after it the status is that of all instances. */
  sync(): Promise<void>;
  /** Tells Redis all that it should know of this instance's calls; whether it has heard. */
  resync(): Promise<boolean>;
}

/** The calls of a tenant whose key several instances spend: Redis gives them out, and without it each keeps to its share. */
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
        : createDistributedLimiter(state, { clock, windowMs, mode: cluster.mode, onChange });
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
      // Calls that left while the last word went to Redis; this one gets there before the next claim.
      if (cluster.mode() === 'distributed') void state.resync();
      onChange();
    },

    async sync() {
      if (cluster.mode() === 'distributed') await distributed?.sync();
    },

    resync: state.resync,
  };
}
