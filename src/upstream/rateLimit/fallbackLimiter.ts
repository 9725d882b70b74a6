import type { ClusterState } from './clusterState.ts';
import * as throttles from './throttle.ts';
import type { WindowLimiter } from './windowLimiter.ts';
import { expectedResumeAt } from './windowLimiter.ts';
import type { RedisWindowOptions } from './redisWindow.ts';
import { createStaticShare } from './staticShare.ts';

/** The window limiter during an outage of Redis: this instance uses an equal share. */
export function createFallbackLimiter(
  state: ClusterState,
  options: RedisWindowOptions,
): WindowLimiter {
  const { cluster, clock, windowMs, leaseTtlMs } = options;
  const startedAt = clock.monotonic();
  const staticShare = createStaticShare({
    adaptiveLimit: state.adaptiveLimit,
    instanceCount: cluster.instanceCount(),
    heldReleaseTimes: state.snapshot().releaseTimes.filter((at) => at > startedAt),
  });
  let leaseCount = 0;

  const ownLeases = () => state.ownLeases.all().filter(({ sentAt }) => sentAt >= startedAt);
  const capacity = () => staticShare.capacity(clock.monotonic()) - ownLeases().length;
  const releaseTimes = () => {
    const latest = clock.monotonic() + windowMs;
    const ownReleaseTimes = ownLeases().map(({ releasesAt }) => Math.min(releasesAt, latest));
    return [...ownReleaseTimes, ...staticShare.recoveryTimes(clock.monotonic())];
  };

  return {
    available: () =>
      Math.max(
        0,
        Math.min(capacity(), throttles.permitsAllowed(state.snapshot().throttle, state.redisNow())),
      ),

    acquire() {
      if (state.pausedUntil() > 0) {
        state.updateThrottle((throttle) =>
          throttles.startProbe(throttle, state.redisNow() + leaseTtlMs),
        );
      }
      leaseCount += 1;
      return state.startLease(`${cluster.instanceId}:local:${startedAt}:${leaseCount}`);
    },

    reportDemand: () => undefined,

    forecastCapacity: () => ({
      available: capacity(),
      releaseTimes,
      resumesAt: state.pausedUntil(),
      expectedResumeAt: expectedResumeAt(state.pausedUntil(), clock.monotonic()),
      windowMs,
    }),

    nextWakeAt() {
      const now = clock.monotonic();
      if (state.pausedUntil() > now) return state.pausedUntil();
      if (state.probeUntil() > now) return state.probeUntil();
      return releaseTimes().reduce((first, at) => Math.min(first, at), Infinity);
    },

    status: () => state.status(capacity()),
    isIdle: () => true,
  };
}
