import type { HeldPermit } from './grantPlan.ts';
import type { Lease } from './permitWindow.ts';

interface FallbackShareOptions {
  /** The limit of all instances together. */
  readonly limitNow: () => number;
  readonly instanceCount: number;
  readonly startedAt: number;
  /** The permits of all instances before the outage. */
  readonly held: readonly HeldPermit[];
}

/**
 * What one instance uses during an outage of Redis: an equal share for each instance. Permits from before stay reserved until they are released;
 * freed capacity is split evenly, so the total never exceeds the limit.
 */
export class FallbackShare {
  readonly #options: FallbackShareOptions;
  /** When the permits from before are released, in order. */
  readonly #releaseTimes: readonly number[];

  constructor(options: FallbackShareOptions) {
    this.#options = options;
    this.#releaseTimes = options.held
      .map(({ releasesAt }) => releasesAt)
      .filter((at) => at > options.startedAt)
      .toSorted((one, other) => one - other);
  }

  /** How many calls that started during the outage may be in the window. */
  capacity(now: number): number {
    return this.#equalShare(this.#reservedAt(now));
  }

  /** When the capacity grows by one, in order. */
  increases(now: number): number[] {
    const times: number[] = [];
    let reserved = this.#reservedAt(now);
    let capacity = this.#equalShare(reserved);
    for (const at of this.#releaseTimes.slice(this.#releaseTimes.length - reserved)) {
      reserved -= 1;
      for (; capacity < this.#equalShare(reserved); capacity += 1) times.push(at);
    }
    return times;
  }

  /** The permits of this instance that count during the outage, in order of release, at the latest at a time. */
  held(own: readonly Lease[], latest: number): readonly HeldPermit[] {
    return own
      .filter(({ sentAt }) => sentAt >= this.#options.startedAt)
      .map(({ charge, releasesAt }) => ({ charge, releasesAt: Math.min(releasesAt, latest) }))
      .toSorted((one, other) => one.releasesAt - other.releasesAt);
  }

  /** At least one once all earlier permits are released, also with more instances than permitted calls. */
  #equalShare(reserved: number): number {
    const { limitNow, instanceCount } = this.#options;
    return Math.max(reserved === 0 ? 1 : 0, Math.floor((limitNow() - reserved) / instanceCount));
  }

  #reservedAt(now: number): number {
    return this.#releaseTimes.filter((at) => at > now).length;
  }
}
