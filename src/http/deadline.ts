import type { Clock } from '../support/clock.ts';

/** Timers of the platform cannot wait longer than some weeks. */
const longestMs = 86_400_000;

/** Runs `task` at that time, which may be far off; the returned function cancels it. */
export function at(timeMs: number, task: () => void, clock: Clock): () => void {
  let cancel: () => void = () => undefined;
  const wait = () => {
    const leftMs = timeMs - clock.now();
    cancel =
      leftMs > longestMs ? clock.after(longestMs, wait) : clock.after(Math.max(0, leftMs), task);
  };
  wait();
  return () => cancel();
}
