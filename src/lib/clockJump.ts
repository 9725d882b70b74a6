import type { Clock } from './clock.ts';

/** More than NTP corrects by degrees between two looks. */
const leastJumpMs = 5_000;

/**
 * A check, cheap enough for every operation, whether the wall clock was set or the machine was suspended since the last one: then the
 * ages of what is kept in this process are not known any more.
 */
export function createJumpCheck(clock: Clock, onJump: (jumpMs: number) => void): () => void {
  let aheadMs = clock.now() - clock.monotonic();
  return () => {
    const before = aheadMs;
    aheadMs = clock.now() - clock.monotonic();
    const jumpMs = aheadMs - before;
    if (Math.abs(jumpMs) > leastJumpMs) onJump(jumpMs);
  };
}
