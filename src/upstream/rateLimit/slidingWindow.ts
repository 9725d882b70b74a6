import type { Clock } from '../../lib/clock.ts';

/** A call that counts against the budget. */
export interface Lease {
  readonly id: string;
  readonly sentAt: number;
  /** When it certainly counts no longer; until it is done, a safety for one that never says so. */
  releasesAt: number;
  isThrottled: boolean;
}

export interface WindowTiming {
  readonly clock: Clock;
  /** How long the helpdesk counts a call. */
  readonly windowMs: number;
  /** No call is under way for longer. */
  readonly leaseTtlMs: number;
}

export type SlidingWindowLog = ReturnType<typeof createSlidingWindowLog>;

/**
 * The calls of this instance that count. The helpdesk counts a call somewhere between its leaving and its being done, so a slot
 * comes back one window after it was done: only then does no window of the helpdesk's hold too many, whatever the network does.
 */
export function createSlidingWindowLog({ clock, windowMs, leaseTtlMs }: WindowTiming) {
  /** In order of leaving, as sets keep it. */
  const inFlight = new Set<Lease>();
  /** In order of coming back. */
  let completed: Lease[] = [];

  function moveToCompleted(lease: Lease): void {
    if (!inFlight.delete(lease)) return;
    let index = completed.length;
    while ((completed[index - 1]?.releasesAt ?? 0) > lease.releasesAt) index -= 1;
    completed.splice(index, 0, lease);
  }

  function expire(): void {
    const now = clock.monotonic();
    for (const lease of inFlight) {
      if (lease.sentAt + leaseTtlMs > now) break;
      moveToCompleted(lease);
    }
    if ((completed[0]?.releasesAt ?? Infinity) > now) return;
    const firstInside = completed.findIndex(({ releasesAt }) => releasesAt > now);
    completed = firstInside === -1 ? [] : completed.slice(firstInside);
  }

  return {
    add(id: string): Lease {
      const sentAt = clock.monotonic();
      const lease = { id, sentAt, releasesAt: sentAt + leaseTtlMs + windowMs, isThrottled: false };
      inFlight.add(lease);
      return lease;
    },
    complete(lease: Lease): void {
      if (!inFlight.has(lease)) return;
      lease.releasesAt = clock.monotonic() + windowMs;
      moveToCompleted(lease);
    },
    count(): number {
      expire();
      return inFlight.size + completed.length;
    },
    /** Without those that were refused. */
    countAccepted(): number {
      expire();
      return inFlight.size + completed.filter(({ isThrottled }) => !isThrottled).length;
    },
    all(): readonly Lease[] {
      expire();
      return [...completed, ...inFlight];
    },
    /** When slots come back, the first first. One that is under way comes back in one window at the earliest. */
    releaseTimes(): number[] {
      expire();
      const earliest = clock.monotonic() + windowMs;
      return [
        ...completed.map(({ releasesAt }) => releasesAt),
        ...Array.from(inFlight, () => earliest),
      ];
    },
  };
}
