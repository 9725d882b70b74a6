import type { HeldPermit } from './grantPlan.ts';
import type { Permit, QueueDepths } from './limiter.ts';
import type { WindowTiming } from './permitLog.ts';
import { PermitLog } from './permitLog.ts';
import type { Charge, Demand } from './quotas.ts';
import * as throttles from './throttle.ts';

/** What an instance reports to the others. */
export interface InstanceReport {
  readonly demand: Demand;
  /** Queued calls. */
  readonly queued: QueueDepths;
}

/** The permits of one account that count, and the limit that applies to them. */
export interface PermitWindow {
  /** What the planner needs to know of the window; `limitAt` is `Infinity` without a limit. */
  state(): {
    readonly held: readonly HeldPermit[];
    limitAt(time: number): number;
    /** When the limit grows after it was lowered, in ascending order. */
    readonly limitIncreases: readonly number[];
    /** Nothing starts before; 0 unless HelpCrunch has rejected calls. */
    readonly resumesAt: number;
    /** When calls are expected to start again; what a client gets as `retryAfterMs`. */
    readonly expectedResumeAt: number;
    /** One while it is unknown whether HelpCrunch accepts calls again. */
    readonly maxStartsNow: number;
  };
  /** Reports of the other instances. */
  peers(): readonly InstanceReport[];
  /** Adds calls that start now. Undefined: the window has changed since `state` was read, and no call starts. */
  acquire(
    charges: readonly Charge[],
    report: InstanceReport,
  ): Promise<readonly Permit[] | undefined> | readonly Permit[];
  /** Whether the state is too old to reject a call because of it. */
  needsRefresh(): boolean;
  /** Resolves when the state includes the calls of the other instances, and they have received the report. */
  refresh(report: InstanceReport): Promise<void>;
  /** When to look again although nothing has changed here; `Infinity` if only the state's times matter. */
  nextWakeAt(): number;
  isPaused(): boolean;
  /** Whether nothing would be lost without this window. */
  isIdle(): boolean;
}

export interface PermitWindowOptions extends WindowTiming {
  /** Calls per window; 0 is unlimited. */
  readonly limit: number;
}

/** A call that probes whether HelpCrunch accepts calls again takes about this long. */
const expectedProbeMs = 1_000;

/** When calls may start again after a pause until `pausedUntil`; 0 without a pause. */
export const expectedResumeAt = (pausedUntil: number, now: number): number =>
  pausedUntil > 0 && pausedUntil <= now ? now + expectedProbeMs : pausedUntil;

/** A permit whose end is reported once. */
export function createPermit(
  onEnd: (retryAfterMs: number | undefined, isThrottled: boolean) => void,
): Permit {
  let hasEnded = false;
  const once = (retryAfterMs: number | undefined, isThrottled: boolean) => {
    if (hasEnded) return;
    hasEnded = true;
    onEnd(retryAfterMs, isThrottled);
  };
  return {
    release: () => once(undefined, false),
    throttled: (retryAfterMs) => once(retryAfterMs, true),
  };
}

/** The permits of an account whose limit only this process uses. */
export class LocalPermitWindow implements PermitWindow {
  readonly #options: PermitWindowOptions;
  readonly #log: PermitLog;
  readonly #limit: throttles.WindowLimit;
  readonly #onChange: () => void;
  #throttle: throttles.ThrottleState;

  constructor(options: PermitWindowOptions, onChange: () => void) {
    const { limit, windowMs } = options;
    this.#options = options;
    // Without a limit a permit counts only while its call is in flight, so that a pause is not forgotten with the account.
    this.#log = new PermitLog({ ...options, windowMs: limit === 0 ? 0 : windowMs });
    this.#limit = { limit: limit === 0 ? Infinity : limit, windowMs };
    this.#onChange = onChange;
    this.#throttle = throttles.initialThrottle(this.#limit);
  }

  state() {
    const now = this.#options.clock.monotonic();
    const { pausedUntil } = this.#throttle;
    return {
      held: this.#log.held(),
      limitAt: (time: number) => throttles.adaptiveLimitAt(this.#throttle, time, this.#limit),
      limitIncreases: throttles.recoveryTimes(this.#throttle, now, this.#limit),
      resumesAt: pausedUntil,
      expectedResumeAt: expectedResumeAt(pausedUntil, now),
      maxStartsNow: throttles.permitsAllowed(this.#throttle, now),
    };
  }

  peers(): readonly InstanceReport[] {
    return [];
  }

  needsRefresh(): boolean {
    return false;
  }

  refresh(): Promise<void> {
    return Promise.resolve();
  }

  acquire(charges: readonly Charge[]): readonly Permit[] {
    return charges.map((charge) => this.#start(charge));
  }

  nextWakeAt(): number {
    const now = this.#options.clock.monotonic();
    const { pausedUntil, probeUntil } = this.#throttle;
    if (pausedUntil > now) return pausedUntil;
    return probeUntil > now ? probeUntil : Infinity;
  }

  isPaused(): boolean {
    return this.#throttle.pausedUntil > 0;
  }

  isIdle(): boolean {
    const { limit } = this.#limit;
    const now = this.#options.clock.monotonic();
    const isRecovered = throttles.adaptiveLimitAt(this.#throttle, now, this.#limit) >= limit;
    return this.#log.count() === 0 && !this.isPaused() && isRecovered;
  }

  #start(charge: Charge): Permit {
    const { clock, leaseTtlMs } = this.#options;
    if (this.isPaused())
      this.#throttle = throttles.startProbe(this.#throttle, clock.monotonic() + leaseTtlMs);
    const token = throttles.createToken(this.#throttle);
    const lease = this.#log.add('', charge);
    return createPermit((retryAfterMs, isThrottled) => {
      const now = clock.monotonic();
      this.#log.complete(lease);
      lease.isThrottled = isThrottled;
      this.#throttle = isThrottled
        ? throttles.recordThrottled(
            this.#throttle,
            { token, now, retryAfterMs, observedThroughput: this.#log.countAccepted() },
            this.#limit,
          )
        : throttles.recordResponse(this.#throttle, token, now);
      this.#onChange();
    });
  }
}
