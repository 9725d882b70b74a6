import { toWallTime } from '../../lib/clock.ts';
import type { QuotaStatus, Permit } from './limiter.ts';
import type { CapacityForecast } from './estimator.ts';
import * as throttles from './throttle.ts';
import type { QueueDepths } from './fairQueue.ts';
import type { WindowTiming } from './slidingWindow.ts';
import { createSlidingWindowLog } from './slidingWindow.ts';

/** How many calls of one tenant may leave, and when. */
export interface WindowLimiter {
  /** Calls that may leave now. */
  available(): number;
  /** One of them leaves. */
  acquire(): Permit;
  /** What waits, told after every decision. */
  reportDemand(queued: QueueDepths): void;
  /** What may come, for as many as wait. */
  forecastCapacity(queued: QueueDepths): CapacityForecast;
  /** When to decide again though nobody has said anything. */
  nextWakeAt(): number;
  status(): QuotaStatus;
  /** Whether nothing would be lost with it. */
  isIdle(): boolean;
}

export interface WindowLimiterOptions extends WindowTiming {
  /** Per window; 0 is none. */
  readonly limit: number;
}

/** An answer from a gate that is being probed takes about this long. */
const expectedProbeMs = 1_000;

/** When a gate that was closed until this time may be open again; 0 for one that is open. */
export const expectedResumeAt = (pausedUntil: number, now: number): number =>
  pausedUntil > 0 && pausedUntil <= now ? now + expectedProbeMs : pausedUntil;

export const lastTime = (times: readonly number[]): number | null => times.at(-1) ?? null;

/** A slot that says only once how its call went. */
export function createPermit(
  onEnd: (retryAfterMs: number | undefined, isThrottled: boolean) => void,
) {
  let hasEnded = false;
  const once = (retryAfterMs: number | undefined, isThrottled: boolean) => {
    if (hasEnded) return;
    hasEnded = true;
    onEnd(retryAfterMs, isThrottled);
  };
  const permit: Permit = {
    release: () => once(undefined, false),
    throttled: (retryAfterMs) => once(retryAfterMs, true),
  };
  return permit;
}

/** The calls of a tenant whose key only this process spends. */
export function createLocalWindowLimiter(
  options: WindowLimiterOptions,
  onChange: () => void,
): WindowLimiter {
  const { limit, clock, windowMs, leaseTtlMs } = options;
  // Without a limit a call counts only while it is under way, lest its refusal be forgotten with the tenant.
  const log = createSlidingWindowLog({ ...options, windowMs: limit === 0 ? 0 : windowMs });
  const windowLimit = { limit: limit === 0 ? Infinity : limit, windowMs };
  let throttle = throttles.initialThrottle(windowLimit);

  const capacity = () =>
    throttles.adaptiveLimitAt(throttle, clock.monotonic(), windowLimit) - log.count();

  const releaseTimes = () => [
    ...log.releaseTimes(),
    ...throttles.recoveryTimes(throttle, clock.monotonic(), windowLimit),
  ];

  return {
    available: () =>
      Math.max(0, Math.min(capacity(), throttles.permitsAllowed(throttle, clock.monotonic()))),

    acquire() {
      if (throttle.pausedUntil > 0)
        throttle = throttles.startProbe(throttle, clock.monotonic() + leaseTtlMs);
      const token = throttles.createToken(throttle);
      const lease = log.add('');
      return createPermit((retryAfterMs, isThrottled) => {
        const now = clock.monotonic();
        log.complete(lease);
        lease.isThrottled = isThrottled;
        throttle = isThrottled
          ? throttles.recordThrottled(
              throttle,
              { token, now, retryAfterMs, observedThroughput: log.countAccepted() },
              windowLimit,
            )
          : throttles.recordResponse(throttle, token, now);
        onChange();
      });
    },

    reportDemand: () => undefined,

    forecastCapacity: () => ({
      available: capacity(),
      releaseTimes,
      resumesAt: throttle.pausedUntil,
      expectedResumeAt: expectedResumeAt(throttle.pausedUntil, clock.monotonic()),
      windowMs,
    }),

    nextWakeAt() {
      const now = clock.monotonic();
      if (throttle.pausedUntil > now) return throttle.pausedUntil;
      if (throttle.probeUntil > now) return throttle.probeUntil;
      return releaseTimes().reduce((first, at) => Math.min(first, at), Infinity);
    },

    status() {
      const now = clock.monotonic();
      const last = limit === 0 ? null : lastTime(log.releaseTimes());
      const resetAt = throttle.pausedUntil > now ? Math.max(throttle.pausedUntil, last ?? 0) : last;
      return {
        limit,
        remaining: limit === 0 || throttle.pausedUntil > 0 ? 0 : Math.max(0, capacity()),
        resetAt: resetAt === null ? null : toWallTime(clock, resetAt),
      };
    },

    isIdle: () =>
      log.count() === 0 && throttle.pausedUntil === 0 && capacity() >= windowLimit.limit,
  };
}
