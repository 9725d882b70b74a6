import type { Clock } from './clock.ts';

/** The wall clock may be set, and timers stop while the machine is suspended: the time is checked this often. */
const maxTimerMs = 10_000;

/** Runs `task` at a wall-clock time, at most ten seconds late if the clock was set. Returns a function that cancels it. */
export function scheduleAt(timeMs: number, task: () => void, clock: Clock): () => void {
  let cancel: () => void = () => undefined;
  const wait = () => {
    const leftMs = timeMs - clock.now();
    if (leftMs <= 0) task();
    else cancel = clock.after(Math.min(leftMs, maxTimerMs), wait);
  };
  cancel = clock.after(Math.max(0, Math.min(timeMs - clock.now(), maxTimerMs)), wait);
  return () => cancel();
}
