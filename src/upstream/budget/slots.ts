import type { Clock } from '../../support/clock.ts';

/** A call that counts against the budget. */
export interface OwnCall {
  readonly id: string;
  readonly leftAt: number;
  /** When it certainly counts no longer; until it is done, a safety for one that never says so. */
  freesAt: number;
  isRefused: boolean;
}

export interface Timing {
  readonly clock: Clock;
  /** How long the helpdesk counts a call. */
  readonly windowMs: number;
  /** No call is under way for longer. */
  readonly callMs: number;
}

export type Slots = ReturnType<typeof createSlots>;

/**
 * The calls of this instance that count. The helpdesk counts a call somewhere between its leaving and its being done, so a slot
 * comes back one window after it was done: only then does no window of the helpdesk's hold too many, whatever the network does.
 */
export function createSlots({ clock, windowMs, callMs }: Timing) {
  /** In order of leaving, as sets keep it. */
  const underWay = new Set<OwnCall>();
  /** In order of coming back. */
  let over: OwnCall[] = [];

  function retire(call: OwnCall): void {
    if (!underWay.delete(call)) return;
    let index = over.length;
    while ((over[index - 1]?.freesAt ?? 0) > call.freesAt) index -= 1;
    over.splice(index, 0, call);
  }

  function settle(): void {
    const now = clock.monotonic();
    for (const call of underWay) {
      if (call.leftAt + callMs > now) break;
      retire(call);
    }
    if ((over[0]?.freesAt ?? Infinity) > now) return;
    const firstInside = over.findIndex(({ freesAt }) => freesAt > now);
    over = firstInside === -1 ? [] : over.slice(firstInside);
  }

  return {
    add(id: string): OwnCall {
      const leftAt = clock.monotonic();
      const call = { id, leftAt, freesAt: leftAt + callMs + windowMs, isRefused: false };
      underWay.add(call);
      return call;
    },
    done(call: OwnCall): void {
      if (!underWay.has(call)) return;
      call.freesAt = clock.monotonic() + windowMs;
      retire(call);
    },
    count(): number {
      settle();
      return underWay.size + over.length;
    },
    /** Without those that were refused. */
    countServed(): number {
      settle();
      return underWay.size + over.filter(({ isRefused }) => !isRefused).length;
    },
    all(): readonly OwnCall[] {
      settle();
      return [...over, ...underWay];
    },
    /** When slots come back, the first first. One that is under way comes back in one window at the earliest. */
    frees(): number[] {
      settle();
      const earliest = clock.monotonic() + windowMs;
      return [...over.map(({ freesAt }) => freesAt), ...Array.from(underWay, () => earliest)];
    },
  };
}
