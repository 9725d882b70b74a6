import type { Clock } from '../../lib/clock.ts';
import { createAccountLimiter } from './accountLimiter.ts';
import { createLocalWindowLimiter } from './windowLimiter.ts';
import { createRateLimiterRegistry } from './registry.ts';

/** Calls that change something go before those somebody looks at, and these before those nobody waits for. */
export type CallPriority = 'write' | 'read' | 'background';

/** Who wants a call. Asked anew at each decision: operations may join or leave a shared call while it waits. */
export interface PermitRequest {
  readonly viewer: string;
  readonly priority: CallPriority;
  /** By the monotonic clock; a call that cannot leave before is refused. */
  readonly deadlineMs: number;
}

/** The right to one call. Says once how the call went, whatever happens to it. */
export interface Permit {
  /** The call was answered or has failed: the helpdesk has counted it by now. */
  release(): void;
  /** The helpdesk refused it with 429. */
  throttled(retryAfterMs?: number): void;
}

export interface QuotaStatus {
  /** 0 is none. */
  readonly limit: number;
  /** What could leave now; 0 while the helpdesk refuses. */
  readonly remaining: number;
  /** When every call made so far will have left the window, by the wall clock; null when none is in it. */
  readonly resetAt: number | null;
}

export interface RateLimiter {
  /**
   * Resolves when one call may leave. Rejects with `rateLimited` as soon as that cannot be before the demand's deadline, and
   * with the signal's reason when everybody has left.
   */
  acquire(account: string, request: () => PermitRequest, signal: AbortSignal): Promise<Permit>;
  /** A demand may have changed: a later deadline, a higher priority. */
  reevaluate(account: string): void;
  status(account: string): QuotaStatus;
  /** Resolves when `status` knows what the other instances have done by now. */
  refresh(account: string): Promise<void>;
  /** Until another try is worth it; at least 1. */
  retryAfterMs(account: string): number;
  queueLengths(): Readonly<Record<CallPriority, number>>;
  /** Whether all instances count together at this moment; null where they are not meant to. */
  isShared(): boolean | null;
  /** Those who wait are refused as `unavailable`. */
  close(): void;
}

export interface RateLimiterOptions {
  /** Calls per window and tenant; 0 is no limit. */
  readonly limit: number;
  readonly clock: Clock;
  readonly windowMs?: number;
  /** No call is under way for longer; must be more than the transport's time limit. */
  readonly leaseTtlMs?: number;
}

export const defaultTiming = { windowMs: 60_000, leaseTtlMs: 15_000 };

/** A budget that only this process spends. */
export function createRateLimiter({ limit, clock, ...timing }: RateLimiterOptions): RateLimiter {
  const options = { ...defaultTiming, ...timing, limit, clock };
  return createRateLimiterRegistry({
    limit,
    createAccountLimiter: () =>
      createAccountLimiter(clock, (onChange) => createLocalWindowLimiter(options, onChange)),
  });
}
