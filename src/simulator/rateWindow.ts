import type { Clock } from '../lib/clock.ts';

const windowMs = 60_000;

export interface RateWindow {
  /** Counts a call and returns 0, or refuses it uncounted and returns the milliseconds to wait. */
  take(): number;
}

/** Any minute holds at most `limit` calls; 0 is no limit. */
export function createRateWindow(limit: number, clock: Clock): RateWindow {
  if (limit === 0) return { take: () => 0 };
  const taken: number[] = [];
  return {
    take() {
      const now = clock.monotonic();
      while (taken[0] !== undefined && taken[0] <= now - windowMs) taken.shift();
      if (taken[0] !== undefined && taken.length >= limit) return taken[0] + windowMs - now;
      taken.push(now);
      return 0;
    },
  };
}
