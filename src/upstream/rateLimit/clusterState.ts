import { toWallTime } from '../../lib/clock.ts';
import type { QuotaStatus, Permit } from './limiter.ts';
import * as throttles from './throttle.ts';
import { createPermit, lastTime } from './windowLimiter.ts';
import type { ThrottleUpdate, RedisWindowOptions } from './redisWindow.ts';
import { createRedisWindow } from './redisWindow.ts';
import type { Lease } from './slidingWindow.ts';
import { createSlidingWindowLog } from './slidingWindow.ts';
import type { ClusterSnapshot } from './clusterSnapshot.ts';
import { emptySnapshot, outstandingIn, withOneCompleted } from './clusterSnapshot.ts';

export type ClusterState = ReturnType<typeof createClusterState>;

/** The state of a shared account in this instance: its own leases and the last snapshot of the cluster. */
export function createClusterState(options: RedisWindowOptions, onChange: () => void) {
  const { cluster, limit, clock, windowMs } = options;
  const windowLimit = { limit, windowMs };
  const ownLeases = createSlidingWindowLog(options);
  const redisWindow = createRedisWindow(options);
  // Until the first reply the clock of Redis is assumed to equal the wall clock.
  let snapshot = emptySnapshot(windowLimit, clock.monotonic() - clock.now());
  let pendingThrottleUpdates = 0;

  const redisNow = () => Math.ceil(clock.monotonic() - snapshot.clockOffsetMs);
  const outstanding = () => outstandingIn(snapshot, clock.monotonic(), windowMs);
  /** 0 while the account is not paused. */
  const pausedUntil = () =>
    snapshot.throttle.pausedUntil === 0
      ? 0
      : snapshot.throttle.pausedUntil + snapshot.clockOffsetMs;

  /** Applied here at once, and sent to the other instances. */
  function updateThrottle(update: ThrottleUpdate): void {
    const before = snapshot.throttle;
    const after = update(before);
    if (after === before) return;
    snapshot = { ...snapshot, throttle: after };
    if (cluster.mode() !== 'distributed') return;
    pendingThrottleUpdates += 1;
    void redisWindow.updateThrottle(before, update).then((throttle) => {
      pendingThrottleUpdates -= 1;
      if (throttle === undefined || pendingThrottleUpdates > 0) return;
      snapshot = { ...snapshot, throttle };
      onChange();
    });
  }

  function completeLease(lease: Lease, token: throttles.ThrottleToken): void {
    ownLeases.complete(lease);
    if (cluster.mode() === 'distributed') {
      snapshot = withOneCompleted(snapshot, clock.monotonic(), windowMs);
      redisWindow.complete(lease.id);
    }
    if (!lease.isThrottled) {
      updateThrottle((throttle) => throttles.recordResponse(throttle, token, redisNow()));
    }
    onChange();
  }

  function recordThrottled(
    lease: Lease,
    token: throttles.ThrottleToken,
    retryAfterMs: number | undefined,
  ): void {
    lease.isThrottled = true;
    ownLeases.complete(lease);
    const accepted = ownLeases.countAccepted();
    const observedThroughput =
      cluster.mode() === 'distributed'
        ? outstanding().length - ownLeases.count() + accepted
        : accepted;
    // Resumes late by one round trip rather than early.
    const now = redisNow() + Math.ceil(snapshot.roundTripMs);
    const response = { token, now, retryAfterMs, observedThroughput };
    updateThrottle((throttle) => throttles.recordThrottled(throttle, response, windowLimit));
    completeLease(lease, token);
  }

  return {
    ownLeases,
    redisWindow,
    snapshot: (): ClusterSnapshot => snapshot,
    applySnapshot(received: ClusterSnapshot): void {
      // A throttle state with a pending update is newer than that of the snapshot.
      snapshot =
        pendingThrottleUpdates > 0 ? { ...received, throttle: snapshot.throttle } : received;
    },
    updateThrottle,
    pausedUntil,
    outstanding,
    redisNow,
    adaptiveLimit: (): number =>
      throttles.adaptiveLimitAt(snapshot.throttle, redisNow(), windowLimit),
    recoveryTimes: (): number[] =>
      throttles
        .recoveryTimes(snapshot.throttle, redisNow(), windowLimit)
        .map((at) => at + snapshot.clockOffsetMs),
    /** When the probe in flight expires; 0 without one. */
    probeUntil: (): number =>
      snapshot.throttle.probeUntil === 0
        ? 0
        : snapshot.throttle.probeUntil + snapshot.clockOffsetMs,

    /** Starts a call with this lease. */
    startLease(id: string): Permit {
      const token = throttles.createToken(snapshot.throttle);
      const lease = ownLeases.add(id);
      return createPermit((retryAfterMs, isThrottled) => {
        if (isThrottled) recordThrottled(lease, token, retryAfterMs);
        else completeLease(lease, token);
      });
    },

    status(capacity: number): QuotaStatus {
      const paused = pausedUntil();
      const times = [
        lastTime(outstanding()),
        lastTime(ownLeases.releaseTimes()),
        paused > clock.monotonic() ? paused : null,
      ];
      const resetAt = Math.max(...times.map((at) => at ?? 0));
      return {
        limit,
        remaining: paused > 0 ? 0 : Math.max(0, capacity),
        resetAt: resetAt === 0 ? null : toWallTime(clock, resetAt),
      };
    },

    resync: (): Promise<boolean> => redisWindow.resync(ownLeases.all(), snapshot.throttle),
  };
}
