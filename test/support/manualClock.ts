import type { Clock } from '../../src/support/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time on and runs what falls due, in order. */
  advance(ms: number): void;
}

/** A clock that stands still until it is told to move. */
export function createManualClock(startMs = Date.UTC(2026, 0, 15, 12)): ManualClock {
  let now = startMs;
  let tasks: { readonly at: number; readonly task: () => void }[] = [];
  return {
    now: () => now,
    after(ms, task) {
      const entry = { at: now + ms, task };
      tasks.push(entry);
      return () => {
        tasks = tasks.filter((other) => other !== entry);
      };
    },
    random: () => 0.5,
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const next = tasks
          .filter(({ at }) => at <= end)
          .reduce<(typeof tasks)[number] | undefined>(
            (first, entry) => (first === undefined || entry.at < first.at ? entry : first),
            undefined,
          );
        if (next === undefined) break;
        tasks = tasks.filter((entry) => entry !== next);
        now = Math.max(now, next.at);
        next.task();
      }
      now = end;
    },
  };
}
