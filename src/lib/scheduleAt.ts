import type { Clock } from './clock.ts';

/** The wall clock may be set, and timers stand still while the machine is suspended, so it is looked at this often. */
const maxTimerMs = 10_000;

/** Runs `task` when the wall clock says `timeMs`, at most ten seconds late when it was set; the returned function cancels it. */
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
