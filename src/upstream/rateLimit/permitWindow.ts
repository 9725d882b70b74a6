import type { Clock } from '../../lib/clock.ts';
import type { Demand } from './demand.ts';
import type { HeldPermit } from './grantPlan.ts';
import type { Permit, QueueDepths } from './limiter.ts';
import type { Charge } from './quotas.ts';
import { Throttle } from './throttle.ts';

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
    report: () => InstanceReport,
  ): Promise<readonly Permit[] | undefined> | readonly Permit[];
  /** Whether the state is too old to reject a call because of it. */
  needsRefresh(): boolean;
  /** Resolves when the state includes the calls of the other instances, and they have received the report. */
  refresh(report: () => InstanceReport): Promise<void>;
  /** When to look again although nothing has changed here; `Infinity` if only the state's times matter. */
  nextWakeAt(): number;
  isPaused(): boolean;
  /** Whether there is no limit, and HelpCrunch has not rejected calls. */
  isUnlimited(): boolean;
  /** Whether nothing would be lost without this window. */
  isIdle(): boolean;
}

export interface PermitWindowOptions extends WindowTiming {
  /** Calls per window; 0 is unlimited. */
  readonly limit: number;
}

/** A permit of this instance that counts in the window. */
export interface Lease extends HeldPermit {
  readonly id: string;
  readonly sentAt: number;
  /** While the call is in flight: when the permit returns if the call never ends. */
  releasesAt: number;
  isThrottled: boolean;
  /** Whether Redis has stored it. */
  isStored: boolean;
}

export interface WindowTiming {
  readonly clock: Clock;
  /** How long HelpCrunch counts a call. */
  readonly windowMs: number;
  /** No call is in flight for longer. */
  readonly leaseTtlMs: number;
}

/**
 * The permits of this instance that count. HelpCrunch counts a call at some moment between its start and its end, so a permit returns one window
 * after the end: only then does no window of HelpCrunch hold more than the limit, whatever the network does.
 */
export class PermitLog {
  readonly #timing: WindowTiming;
  /** In order of start, as sets keep it. */
  readonly #inFlight = new Set<Lease>();
  /** In order of release. */
  #completed: Lease[] = [];

  constructor(timing: WindowTiming) {
    this.#timing = timing;
  }

  add(id: string, charge: Charge): Lease {
    const { clock, leaseTtlMs, windowMs } = this.#timing;
    const sentAt = clock.monotonic();
    const releasesAt = sentAt + leaseTtlMs + windowMs;
    const lease = { id, charge, sentAt, releasesAt, isThrottled: false, isStored: false };
    this.#inFlight.add(lease);
    return lease;
  }

  complete(lease: Lease, isThrottled: boolean): void {
    lease.isThrottled = isThrottled;
    this.#expire();
    if (!this.#inFlight.has(lease)) return;
    lease.releasesAt = this.#timing.clock.monotonic() + this.#timing.windowMs;
    this.#moveToCompleted(lease);
  }

  count(): number {
    this.#expire();
    return this.#inFlight.size + this.#completed.length;
  }

  /** Without those that HelpCrunch rejected. */
  countAccepted(): number {
    this.#expire();
    return this.#inFlight.size + this.#completed.filter(({ isThrottled }) => !isThrottled).length;
  }

  all(): readonly Lease[] {
    this.#expire();
    return [...this.#completed, ...this.#inFlight];
  }

  /** In order of release. A call in flight could end now, and its permit returns one window later. */
  heldPermits(): readonly HeldPermit[] {
    this.#expire();
    const releasesAt = this.#timing.clock.monotonic() + this.#timing.windowMs;
    return [
      ...this.#completed,
      ...Array.from(this.#inFlight, ({ charge }) => ({ charge, releasesAt })),
    ];
  }

  #moveToCompleted(lease: Lease): void {
    if (!this.#inFlight.delete(lease)) return;
    let index = this.#completed.length;
    while ((this.#completed[index - 1]?.releasesAt ?? 0) > lease.releasesAt) index -= 1;
    this.#completed.splice(index, 0, lease);
  }

  #expire(): void {
    const now = this.#timing.clock.monotonic();
    for (const lease of this.#inFlight) {
      if (lease.sentAt + this.#timing.leaseTtlMs > now) break;
      this.#moveToCompleted(lease);
    }
    if ((this.#completed[0]?.releasesAt ?? Infinity) > now) return;
    const first = this.#completed.findIndex(({ releasesAt }) => releasesAt > now);
    this.#completed = first === -1 ? [] : this.#completed.slice(first);
  }
}

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
    complete: () => once(undefined, false),
    throttled: (retryAfterMs) => once(retryAfterMs, true),
  };
}

/** The permits of an account whose limit only this process uses. */
export class LocalPermitWindow implements PermitWindow {
  readonly #options: PermitWindowOptions;
  readonly #log: PermitLog;
  readonly #limit: number;
  readonly #throttle: Throttle;
  readonly #onChange: () => void;

  constructor(options: PermitWindowOptions, onChange: () => void) {
    const { limit, windowMs, clock } = options;
    this.#options = options;
    // Without a limit a permit counts only while its call is in flight, so that a pause is not forgotten with the account.
    this.#log = new PermitLog({ ...options, windowMs: limit === 0 ? 0 : windowMs });
    this.#limit = limit === 0 ? Infinity : limit;
    this.#throttle = new Throttle({
      clock,
      windowLimit: { limit: this.#limit, windowMs },
      onChange,
    });
    this.#onChange = onChange;
  }

  state() {
    return {
      ...this.#throttle.plan(),
      held: this.#log.heldPermits(),
      limitAt: (time: number) => this.#throttle.limitAt(time),
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
    return this.#throttle.nextChangeAt();
  }

  isPaused(): boolean {
    return this.#throttle.isPaused();
  }

  isUnlimited(): boolean {
    return this.#limit === Infinity && !this.isPaused();
  }

  isIdle(): boolean {
    const limit = this.#throttle.limitAt(this.#options.clock.monotonic());
    return this.#log.count() === 0 && !this.isPaused() && limit >= this.#limit;
  }

  #start(charge: Charge): Permit {
    if (this.isPaused()) this.#throttle.startProbe(this.#options.leaseTtlMs);
    const token = this.#throttle.atStart();
    const lease = this.#log.add('', charge);
    return createPermit((retryAfterMs, isThrottled) => {
      this.#log.complete(lease, isThrottled);
      if (isThrottled) {
        const observedThroughput = this.#log.countAccepted();
        this.#throttle.recordThrottled({ token, retryAfterMs, observedThroughput });
      } else this.#throttle.recordResponse(token);
      this.#onChange();
    });
  }
}
