/** The only source of time and randomness, so that tests can control both. */
export interface Clock {
  /**
   * Wall-clock time in milliseconds since the epoch. It can be set forwards and backwards: use it for times that are exchanged with other
   * machines (token expiry, webhooks, entries in Redis), never for durations.
   */
  now(): number;
  /**
   * Milliseconds since an arbitrary moment; never goes backwards and ignores changes of the wall clock. Use it for durations, deadlines,
   * TTLs and windows. It may stop while the machine is suspended.
   */
  monotonic(): number;
  /** Runs `task` once, `ms` from now on the monotonic clock; the returned function cancels it. */
  after(ms: number, task: () => void): () => void;
  /** At least 0, less than 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** Runs `task` after the event loop has polled sockets and timers. Independent of the clock. */
export const onNextTurn = (task: () => void): void => void setImmediate(task);

/** Converts a monotonic time to wall-clock time, as the wall clock is set now. */
export const toWallTime = (clock: Clock, monotonicMs: number): number =>
  clock.now() + (monotonicMs - clock.monotonic());

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
