/** Time and chance, in one place, so that a test can own both. */
export interface Clock {
  /**
   * Wall-clock time in milliseconds since the epoch. An operator or NTP can set it forwards and backwards: it is for what comes from
   * or goes to other machines (expiry of tokens, times in webhooks, entries in Redis), never for durations.
   */
  now(): number;
  /**
   * Milliseconds since some moment before the process began; never goes backwards and does not follow the wall clock. It is for
   * durations, deadlines, lifetimes and windows. It may stand still while the machine is suspended.
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

/** Runs `task` after the event loop has looked at sockets and timers. It takes no time, so that no clock is asked. */
export const onNextTurn = (task: () => void): void => void setImmediate(task);

/** The wall-clock time of a moment of the monotonic clock, as the wall clock is set now. */
export const toWallTime = (clock: Clock, monotonicMs: number): number =>
  clock.now() + (monotonicMs - clock.monotonic());
