/** Time and chance, in one place, so that a test can own both. */
export interface Clock {
  /** Milliseconds since the epoch; never goes backwards. */
  now(): number;
  /** Runs `task` once, `ms` from now; the returned function cancels it. */
  after(ms: number, task: () => void): () => void;
  /** At least 0, less than 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** Runs `task` after the event loop has looked at sockets and timers. It takes no time, so that no clock is asked. */
export const onNextTurn = (task: () => void): void => void setImmediate(task);
