import type { Clock } from '../support/clock.ts';

export const windowMs = 60_000;

export interface RateWindow {
  /** Counts one call. */
  spend(): void;
  readonly limit: number;
  remaining(): number;
  /** When every call made so far will have left the window; null when none is in it. */
  resetAt(): number | null;
  /** When the first of them will. */
  roomAt(): number | null;
}

/** The account's calls of the last 60 seconds. A limit of 0 is none, and nothing is counted. */
export function createRateWindow(limit: number, clock: Clock): RateWindow {
  let spentAt: number[] = [];
  const recent = () => {
    const start = clock.now() - windowMs;
    const firstInside = spentAt.findIndex((at) => at > start);
    if (firstInside !== 0) spentAt = firstInside === -1 ? [] : spentAt.slice(firstInside);
    return spentAt;
  };
  const leavesAt = (at: number | undefined) => (at === undefined ? null : at + windowMs);
  return {
    limit,
    spend() {
      if (limit > 0) recent().push(clock.now());
    },
    remaining: () => Math.max(0, limit - recent().length),
    resetAt: () => leavesAt(recent().at(-1)),
    roomAt: () => leavesAt(recent()[0]),
  };
}
