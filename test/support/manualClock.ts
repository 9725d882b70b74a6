import type { Clock } from '../../src/lib/clock.ts';

export interface ManualClock extends Clock {
  /** Advances both clocks and runs due timers in order. */
  advance(ms: number): void;
  /** Sets the wall clock forwards, or backwards by a negative number, as NTP or the end of a suspension does. Runs no timers. */
  setWallClock(byMs: number): void;
}

/** A clock that only `advance` moves. Wall-clock and monotonic time start far apart, so that a mix-up fails the test. */
export function createManualClock(startMs = Date.UTC(2026, 0, 15, 12)): ManualClock {
  let monotonic = 1_000_000;
  let aheadMs = startMs - monotonic;
  let tasks: { readonly at: number; readonly task: () => void }[] = [];
  return {
    now: () => monotonic + aheadMs,
    monotonic: () => monotonic,
    after(ms, task) {
      const entry = { at: monotonic + ms, task };
      tasks.push(entry);
      return () => {
        tasks = tasks.filter((other) => other !== entry);
      };
    },
    random: () => 0.5,
    setWallClock(byMs) {
      aheadMs += byMs;
    },
    advance(ms) {
      const end = monotonic + ms;
      for (;;) {
        const next = tasks
          .filter(({ at }) => at <= end)
          .reduce<(typeof tasks)[number] | undefined>(
            (first, entry) => (first === undefined || entry.at < first.at ? entry : first),
            undefined,
          );
        if (next === undefined) break;
        tasks = tasks.filter((entry) => entry !== next);
        monotonic = Math.max(monotonic, next.at);
        next.task();
      }
      monotonic = end;
    },
  };
}
