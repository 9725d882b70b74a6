import type { Clock } from './clock.ts';

/** More than NTP corrects gradually between two checks. */
const minJumpMs = 5_000;

/**
 * Returns a check, cheap enough for every operation, that detects when the wall clock was set or the machine was suspended since the last
 * check. After a jump the ages of values in this process are unknown.
 */
export function createJumpCheck(clock: Clock, onJump: (jumpMs: number) => void): () => void {
  let aheadMs = clock.now() - clock.monotonic();
  return () => {
    const before = aheadMs;
    aheadMs = clock.now() - clock.monotonic();
    const jumpMs = aheadMs - before;
    if (Math.abs(jumpMs) > minJumpMs) onJump(jumpMs);
  };
}
