import type { Clock } from '../../support/clock.ts';
import { createLane } from './lane.ts';
import { createLedger } from './ledger.ts';
import { createScheduler } from './scheduler.ts';

/** Calls that change something go before those somebody looks at, and these before those nobody waits for. */
export type Priority = 'write' | 'read' | 'background';

/** Who wants a call. Asked anew at each decision: operations may join or leave a shared call while it waits. */
export interface Demand {
  readonly viewer: string;
  readonly priority: Priority;
  /** By the monotonic clock; a call that cannot leave before is refused. */
  readonly deadlineMs: number;
}

/** The right to one call. Says once how the call went, whatever happens to it. */
export interface Slot {
  /** The call was answered or has failed: the helpdesk has counted it by now. */
  done(): void;
  /** The helpdesk refused it with 429. */
  refused(retryAfterMs?: number): void;
}

export interface RateStatus {
  /** 0 is none. */
  readonly limit: number;
  /** What could leave now; 0 while the helpdesk refuses. */
  readonly remaining: number;
  /** When every call made so far will have left the window, by the wall clock; null when none is in it. */
  readonly resetAt: number | null;
}

export interface Budget {
  /**
   * Resolves when one call may leave. Rejects with `rateLimited` as soon as that cannot be before the demand's deadline, and
   * with the signal's reason when everybody has left.
   */
  acquire(tenant: string, demand: () => Demand, signal: AbortSignal): Promise<Slot>;
  /** A demand may have changed: a later deadline, a higher priority. */
  reconsider(tenant: string): void;
  status(tenant: string): RateStatus;
  /** Resolves when `status` knows what the other instances have done by now. */
  refresh(tenant: string): Promise<void>;
  /** Until another try is worth it; at least 1. */
  retryAfterMs(tenant: string): number;
  queueLengths(): Readonly<Record<Priority, number>>;
  /** Whether all instances count together at this moment; null where they are not meant to. */
  isShared(): boolean | null;
  /** Those who wait are refused as `unavailable`. */
  close(): void;
}

export interface BudgetOptions {
  /** Calls per window and tenant; 0 is no limit. */
  readonly limit: number;
  readonly clock: Clock;
  readonly windowMs?: number;
  /** No call is under way for longer; must be more than the transport's time limit. */
  readonly callMs?: number;
}

export const defaultTiming = { windowMs: 60_000, callMs: 15_000 };

/** A budget that only this process spends. */
export function createBudget({ limit, clock, ...timing }: BudgetOptions): Budget {
  const options = { ...defaultTiming, ...timing, limit, clock };
  return createScheduler({
    limit,
    laneFor: () => createLane(clock, (onChange) => createLedger(options, onChange)),
  });
}
