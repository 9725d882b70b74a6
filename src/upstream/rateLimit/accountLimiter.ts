import type { AbortSignalLike } from '../../lib/abortScope.ts';
import { asError } from '../../lib/asError.ts';
import type { Clock } from '../../lib/clock.ts';
import { toWallTime } from '../../lib/clock.ts';
import { UpstreamError } from '../errors.ts';
import type { QueueWaiter } from './fairQueue.ts';
import { FairQueue, hypotheticalLastEntry } from './fairQueue.ts';
import { DemandTracker, mergeDemands } from './demand.ts';
import type { GrantPlan, PlannedGrant, WindowState } from './grantPlan.ts';
import { planGrants, usageOf } from './grantPlan.ts';
import type {
  CallPriority,
  Permit,
  ChargeCandidate,
  PermitRequest,
  QuotaSettings,
  QuotaStatus,
  QuotaViewer,
  RateLimitRejection,
  ReachedLimit,
  RequiredCalls,
  Shortage,
  ViewerQuotaStatus,
} from './limiter.ts';
import type { InstanceReport, PermitWindow } from './permitWindow.ts';
import type { Pool } from './quotas.ts';
import { isPool, QuotaPolicy } from './quotas.ts';
import { findShortage } from './shortage.ts';
import { maxRetryAfterMs } from '../../lib/retryAfter.ts';

/** Shares change with time, without an event. Queued calls are therefore decided again after this time at the latest. */
const recheckMs = 1_000;

interface LimiterState extends WindowState {
  /** When calls are expected to start again; the lower bound of `retryAfterMs`. */
  readonly expectedResumeAt: number;
}

interface AccountLimiterOptions {
  readonly clock: Clock;
  readonly windowMs: number;
  /** Undefined if the limit is not divided. */
  readonly quotas: QuotaSettings | undefined;
  readonly createWindow: (onChange: () => void) => PermitWindow;
}

/** Grants permits for the calls of one account. It has the queue of waiting calls and the window of calls that count towards the limit. */
export class AccountLimiter {
  readonly #clock: Clock;
  readonly #options: AccountLimiterOptions;
  readonly #queue = new FairQueue();
  readonly #demand: DemandTracker;
  readonly #window: PermitWindow;
  /** Requests whose demand is recorded at the next decision: their waiters may join after `acquire` was called. */
  readonly #arrivals: (() => PermitRequest)[] = [];
  #isScheduled = false;
  /** Whether a Redis command is pending. There is no decision until it has ended. */
  #isSuspended = false;
  #cancelTimer: () => void = () => undefined;

  constructor(options: AccountLimiterOptions) {
    this.#clock = options.clock;
    this.#options = options;
    this.#demand = new DemandTracker(
      options.quotas?.customerCallsPerMinute ?? Number.MAX_SAFE_INTEGER,
    );
    this.#window = options.createWindow(() => this.reevaluate());
  }

  acquire(request: () => PermitRequest, signal: AbortSignalLike): Promise<Permit> {
    if (signal.aborted) return Promise.reject(asError(signal.reason));
    const permit = this.#startUnlimited(request);
    if (permit !== undefined) return Promise.resolve(permit);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#queue.remove(waiter);
        reject(asError(signal.reason));
        this.#schedule();
      };
      const settle = (end: () => void) => {
        signal.removeEventListener('abort', onAbort);
        end();
      };
      const waiter: QueueWaiter = {
        request,
        grant: (permit) => settle(() => resolve(permit)),
        reject: (error) => settle(() => reject(error)),
      };
      signal.addEventListener('abort', onAbort);
      this.#arrivals.push(request);
      this.#queue.add(waiter);
      this.#schedule();
    });
  }

  reevaluate(): void {
    if (this.#queue.size > 0) this.#schedule();
  }

  /** Resolves when `status` includes the calls of the other instances. */
  refresh(): Promise<void> {
    return this.#window.refresh(() => this.#report([]));
  }

  status(): QuotaStatus {
    if (this.#window.isUnlimited()) return { limit: 0, remaining: 0, resetAt: null };
    const { held, limitAt, resumesAt } = this.#window.state();
    const now = this.#clock.monotonic();
    const limit = limitAt(now);
    const isUnlimited = limit === Infinity;
    const last = isUnlimited ? null : (held.at(-1)?.releasesAt ?? null);
    const resetAt = resumesAt > now ? Math.max(resumesAt, last ?? 0) : last;
    return {
      limit: isUnlimited ? 0 : limit,
      remaining: isUnlimited || this.#window.isPaused() ? 0 : Math.max(0, limit - held.length),
      resetAt: resetAt === null ? null : toWallTime(this.#clock, resetAt),
    };
  }

  viewerStatus(viewer: QuotaViewer): ViewerQuotaStatus {
    const state = this.#state();
    const remaining = this.#window.isPaused()
      ? 0
      : state.policyAt(state.now).remaining(viewer, usageOf(state));
    return {
      remaining,
      retryAfterMs: remaining > 0 ? 0 : this.#waitMsOf({ viewer, priority: 'read' }, state),
    };
  }

  canStart(candidate: ChargeCandidate): boolean {
    const state = this.#state();
    const isResumed = !this.#window.isPaused() && state.resumesAt <= state.now;
    return isResumed && isPool(this.#admit(candidate, state));
  }

  delaysOther(starter: ChargeCandidate, other: ChargeCandidate): boolean {
    const state = this.#state();
    const decision = this.#admit(starter, state);
    if (isPool(decision)) return false;
    return decision !== 'ACCOUNT_LIMIT' || isPool(this.#admit(other, state));
  }

  explainWait(candidate: ChargeCandidate): RateLimitRejection {
    const state = this.#state();
    const decision = this.#admit(candidate, state);
    return {
      reason: isPool(decision) ? 'ACCOUNT_LIMIT' : decision,
      retryAfterMs: this.#waitMsOf(candidate, state),
    };
  }

  shortage(viewer: QuotaViewer, required: RequiredCalls): Shortage | undefined {
    const window = { ...this.#window.state(), ...this.#options, now: this.#clock.monotonic() };
    return findShortage(window, viewer, required);
  }

  queueDepths(): Record<CallPriority, number> {
    return this.#queue.depths();
  }

  isIdle(): boolean {
    return this.#queue.size === 0 && this.#window.isIdle();
  }

  close(): void {
    this.#cancelTimer();
    this.#queue.rejectAll(
      new UpstreamError('unavailable', 'The gateway is stopping.', { notSent: true }),
    );
  }

  /** Without a limit a call starts at once: neither shares nor the order of calls matter. Undefined if it must be decided. */
  #startUnlimited(request: () => PermitRequest): Permit | undefined {
    if (!this.#window.isUnlimited() || this.#queue.size > 0) return undefined;
    const { candidates, deadlineMs } = request();
    const [starter] = candidates;
    if (starter === undefined || deadlineMs <= this.#clock.monotonic()) return undefined;
    const { viewer, priority } = starter;
    const permits = this.#window.acquire([{ viewer, priority, pool: 'general' }], () =>
      this.#report([]),
    );
    return permits instanceof Promise ? undefined : permits[0];
  }

  /** Schedules one decision about all calls of this moment, so that priorities apply to them and not the order of arrival. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#dispatch());
  }

  #state(): LimiterState {
    const { limitAt, ...state } = this.#window.state();
    const now = this.#clock.monotonic();
    const { quotas, windowMs } = this.#options;
    const peers = this.#window.peers();
    const demand = mergeDemands([this.#demand.demand(now), ...peers.map((peer) => peer.demand)]);
    const policies = new Map<number, QuotaPolicy>();
    return {
      ...state,
      now,
      windowMs,
      limitAt,
      peersQueued: peers.map(({ queued }) => queued),
      policyAt(time) {
        const limit = limitAt(time);
        const policy = policies.get(limit) ?? new QuotaPolicy(limit, quotas, demand);
        policies.set(limit, policy);
        return policy;
      },
    };
  }

  #admit(candidate: ChargeCandidate, state: LimiterState): Pool | ReachedLimit {
    return state.policyAt(state.now).admit(candidate, usageOf(state));
  }

  /** The demand and queue of this instance for the others. Calls of `grants` no longer count as queued. */
  #report(grants: readonly PlannedGrant[]): InstanceReport {
    const queued = this.#queue.depths();
    for (const { entry } of grants) queued[entry.priority] -= 1;
    return { demand: this.#demand.demand(this.#clock.monotonic()), queued };
  }

  #recordDemand(): void {
    const now = this.#clock.monotonic();
    for (const request of this.#arrivals.splice(0)) {
      const [starter] = request().candidates;
      if (starter !== undefined) this.#demand.recordRequest(starter.viewer, starter.priority, now);
    }
  }

  /** Grants calls that can start, rejects calls that cannot start before their deadline, and sets a timer for the next decision. */
  #dispatch(): void {
    this.#isScheduled = false;
    this.#cancelTimer();
    this.#recordDemand();
    if (this.#isSuspended || this.#queue.size === 0) return;
    const state = this.#state();
    const plan = planGrants(this.#queue.entries(), state);
    if (plan.rejections.length > 0 && this.#window.needsRefresh()) {
      this.#suspendDuring(this.refresh());
      return;
    }
    for (const { entry, reason, retryAfterMs } of plan.rejections) {
      this.#queue.remove(entry.waiter);
      const untilResumed = state.expectedResumeAt - state.now;
      entry.waiter.reject(this.#rejectionError(reason, Math.max(retryAfterMs, untilResumed)));
    }
    this.#grant(plan);
  }

  #grant({ grants, nextDecisionAt }: GrantPlan): void {
    if (grants.length === 0) {
      this.#setTimer(nextDecisionAt);
      return;
    }
    const reply = this.#window.acquire(
      grants.map(({ charge }) => charge),
      () => this.#report(grants),
    );
    if (reply instanceof Promise) {
      this.#suspendDuring(
        reply.then((permits) => {
          if (permits !== undefined) this.#serve(grants, permits);
        }),
      );
    } else {
      this.#serve(grants, reply);
      this.#setTimer(nextDecisionAt);
    }
  }

  /** Suspends decisions until a Redis command has ended. */
  #suspendDuring(command: Promise<void>): void {
    this.#isSuspended = true;
    const resume = () => {
      this.#isSuspended = false;
      this.#schedule();
    };
    command.then(resume, resume);
  }

  #serve(grants: readonly PlannedGrant[], permits: readonly Permit[]): void {
    const current = { usage: usageOf(this.#window.state()), now: this.#clock.monotonic() };
    for (const [index, { entry, charge }] of grants.entries()) {
      const permit = permits[index];
      if (permit === undefined) continue;
      this.#demand.recordHeld(charge, current);
      // The waiter may have left while the permit was acquired: the permit then counts like that of a completed call.
      if (!this.#queue.serve(entry)) permit.complete();
      else entry.waiter.grant(permit);
    }
  }

  #setTimer(nextDecisionAt: number): void {
    if (this.#queue.size === 0) return;
    const recheckAt = this.#clock.monotonic() + recheckMs;
    const wakeAt = Math.min(nextDecisionAt, this.#window.nextWakeAt(), recheckAt);
    this.#cancelTimer = this.#clock.after(this.#delayUntil(wakeAt), () => this.#dispatch());
  }

  #waitMsOf(candidate: ChargeCandidate, state: LimiterState): number {
    const { rejections } = planGrants(
      [...this.#queue.entries(), hypotheticalLastEntry(candidate)],
      state,
    );
    const startsAt = state.now + (rejections.at(-1)?.retryAfterMs ?? 0);
    return this.#delayUntil(Math.max(startsAt, state.expectedResumeAt));
  }

  #rejectionError(reason: ReachedLimit, retryAfterMs: number): UpstreamError {
    return new UpstreamError(
      'rateLimited',
      'The rate limit does not permit this call before its deadline.',
      {
        notSent: true,
        retryAfterMs: this.#delayUntil(this.#clock.monotonic() + retryAfterMs),
        reason,
      },
    );
  }

  #delayUntil(at: number): number {
    return Math.min(maxRetryAfterMs, Math.max(1, Math.ceil(at - this.#clock.monotonic())));
  }
}
