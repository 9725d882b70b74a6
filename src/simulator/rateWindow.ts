import type { Clock } from '../lib/clock.ts';
import type { Behaviour } from './behaviour.ts';

const windowMs = 60_000;

interface RateWindow {
  /** Counts a call and returns 0, or refuses it uncounted and returns the milliseconds to wait. */
  take(): number;
}

type WindowKind = Behaviour['rateWindow'];

/** Any minute has at most `limit` calls. */
function createSlidingWindow(limit: number, clock: Clock): RateWindow {
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

/** Each minute of the clock has at most `limit` calls. */
function createFixedWindow(limit: number, clock: Clock): RateWindow {
  let startMs = 0;
  let count = 0;
  return {
    take() {
      const now = clock.now();
      if (now < startMs || now >= startMs + windowMs) {
        startMs = now - (now % windowMs);
        count = 0;
      }
      if (count >= limit) return startMs + windowMs - now;
      count += 1;
      return 0;
    },
  };
}

/** A burst of `limit` calls, then one call each `60 / limit` seconds. */
function createTokenBucket(limit: number, clock: Clock): RateWindow {
  const refillMs = windowMs / limit;
  let fullAtMs = -Infinity;
  return {
    take() {
      const now = clock.monotonic();
      const waitMs = Math.max(fullAtMs, now) + refillMs - windowMs - now;
      if (waitMs > 0) return waitMs;
      fullAtMs = Math.max(fullAtMs, now) + refillMs;
      return 0;
    },
  };
}

const windows: Readonly<Record<WindowKind, (limit: number, clock: Clock) => RateWindow>> = {
  sliding: createSlidingWindow,
  fixed: createFixedWindow,
  bucket: createTokenBucket,
};

/** Counts calls in a window of the current kind; a new kind starts empty. A limit of 0 is no limit. */
export function createRateWindow(limit: number, clock: Clock, kind: () => WindowKind): RateWindow {
  if (limit === 0) return { take: () => 0 };
  let currentKind = kind();
  let current = windows[currentKind](limit, clock);
  return {
    take() {
      const wanted = kind();
      if (wanted !== currentKind) {
        currentKind = wanted;
        current = windows[wanted](limit, clock);
      }
      return current.take();
    },
  };
}
