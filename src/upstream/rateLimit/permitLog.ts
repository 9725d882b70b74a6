import type { Clock } from '../../lib/clock.ts';
import type { HeldPermit } from './grantPlan.ts';
import type { Charge } from './quotas.ts';

/** A permit of this instance that counts in the window. */
export interface Lease extends HeldPermit {
  readonly id: string;
  readonly sentAt: number;
  /** While the call is in flight: when the permit returns if the call never ends. */
  releasesAt: number;
  isThrottled: boolean;
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
    const lease = { id, charge, sentAt, releasesAt, isThrottled: false };
    this.#inFlight.add(lease);
    return lease;
  }

  complete(lease: Lease): void {
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
  held(): readonly HeldPermit[] {
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
