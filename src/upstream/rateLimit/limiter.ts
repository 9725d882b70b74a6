import type { AbortSignalLike } from '../../lib/abortScope.ts';

/** Agents and clients of `AUTH=none` and `forward` are `agent`. The gateway itself refreshes cache entries. */
export type QuotaClass = 'agent' | 'customer' | 'gateway';

export interface QuotaViewer {
  readonly key: string;
  readonly class: QuotaClass;
}

/** The viewer as it is known now: a charge does not change when the id of a customer becomes known. */
export const viewerSnapshot = ({ key, class: viewerClass }: QuotaViewer): QuotaViewer => ({
  key,
  class: viewerClass,
});

/** How the account's limit is divided. */
export interface QuotaSettings {
  readonly writeReservePercent: number;
  readonly newcomerReservePercent: number;
  readonly customersSharePercent: number;
  readonly customerCallsPerMinute: number;
  readonly customerWritesPerMinute: number;
}

/** Which limit a call has reached: the account's, the viewer's own, or that of all customers together. */
export type ReachedLimit = 'ACCOUNT_LIMIT' | 'VIEWER_LIMIT' | 'CUSTOMER_LIMIT';

/** Writes go before reads that a client waits for, and these before background work. */
export type CallPriority = 'write' | 'read' | 'background';

export const priorities: readonly CallPriority[] = ['write', 'read', 'background'];

export type QueueDepths = Readonly<Record<CallPriority, number>>;

/** An operation that waits for a call. */
export interface ChargeCandidate {
  readonly viewer: QuotaViewer;
  readonly priority: CallPriority;
  /** Whether its operation joined a call that another operation had started. */
  readonly isJoined?: boolean;
}

const rankOf = ({ viewer, priority }: ChargeCandidate): number =>
  priority === 'background' ? 0 : viewer.class === 'customer' ? 1 : 2;

/** Whether an operation is of a higher class: agents go before customers, and these before background work. */
export const outranks = (one: ChargeCandidate, other: ChargeCandidate): boolean =>
  rankOf(one) > rankOf(other);

/** A request for a permit. It is read again at each decision: operations may join or leave a shared call while it is queued. */
export interface PermitRequest {
  /**
   * The viewers of the operations that wait for the call, those of the one that started it first. The call is charged to the first, or, if
   * that has reached its limit, to another one that started it or to one of a higher class.
   */
  readonly candidates: readonly ChargeCandidate[];
  /** By the monotonic clock; a call that cannot start before is rejected. */
  readonly deadlineMs: number;
}

/** The right to make one call. It is ended exactly once, however the call ends. */
export interface Permit {
  /** The call has ended: HelpCrunch has counted it by now. */
  complete(): void;
  /** HelpCrunch rejected the call with 429. */
  throttled(retryAfterMs?: number): void;
}

export interface QuotaStatus {
  /** 0 is unlimited. */
  readonly limit: number;
  /** Calls that could start now; 0 while HelpCrunch rejects calls. */
  readonly remaining: number;
  /** When every call made so far will have left the window, by the wall clock; null when there is none. */
  readonly resetAt: number | null;
}

export interface ViewerQuotaStatus {
  /** Calls that this viewer could start now. */
  readonly remaining: number;
  /** Until the viewer's next call is admitted; 0 if it is now. */
  readonly retryAfterMs: number;
}

export interface RateLimitRejection {
  readonly reason: ReachedLimit;
  readonly retryAfterMs: number;
}

/** The calls that an operation makes in any case. */
export interface RequiredCalls {
  readonly count: number;
  readonly priority: CallPriority;
  /** By the monotonic clock. */
  readonly deadlineMs: number;
}

export interface Shortage extends RateLimitRejection {
  /** The calls that could start before the deadline. */
  readonly obtainable: number;
}

export interface RateLimiter {
  /**
   * Resolves when one call may start. Rejects with `rateLimited` as soon as that cannot be before the request's deadline, and
   * with the signal's reason when every waiter has left.
   */
  acquire(account: string, request: () => PermitRequest, signal: AbortSignalLike): Promise<Permit>;
  /** A request may have changed: a later deadline, a higher priority. */
  reevaluate(account: string): void;
  status(account: string): QuotaStatus;
  viewerStatus(account: string, viewer: QuotaViewer): ViewerQuotaStatus;
  /** Resolves when `status` includes the calls of the other instances. */
  refresh(account: string): Promise<void>;
  /** Whether a call would start now instead of being queued. */
  canStart(account: string, candidate: ChargeCandidate): boolean;
  /** Whether a call of `starter` waits for a limit other than the account's, or for one that `other` has not reached. */
  delaysOther(account: string, starter: ChargeCandidate, other: ChargeCandidate): boolean;
  /** Why a call of the viewer would wait, and until when; `retryAfterMs` is at least 1. */
  explainWait(account: string, viewer: QuotaViewer, priority: CallPriority): RateLimitRejection;
  /** Undefined unless it is certain that not all of the calls can start before their deadline. */
  shortage(account: string, viewer: QuotaViewer, required: RequiredCalls): Shortage | undefined;
  /** Queued calls of one account, or of all. */
  queueDepths(account?: string): QueueDepths;
  /** Whether all instances share the limit at this moment; null without Redis. */
  isShared(): boolean | null;
  /** Queued requests are rejected as `unavailable`. */
  close(): void;
}
