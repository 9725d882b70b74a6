import { onNextTurn } from './clock.ts';

/** Runs `task` after all pending promise callbacks. */
export function afterPromises(task: () => void): void {
  void Promise.resolve().then(() => process.nextTick(task));
}

/** Schedules a batch of loads for the moment when no more can be added to it. */
export type Schedule = (batch: () => void) => void;

interface TurnsOptions {
  /** Milliseconds, such as a clock's. */
  readonly now: () => number;
  /** The maximum duration of one turn. */
  readonly turnMs: number;
  /** The maximum units of work per turn. Promises start much work before any of it takes time, so a time limit alone is not enough. */
  readonly turnUnits: number;
}

/**
 * Divides work among turns of the event loop, so that sockets and timers are served in between. Work checks `isSpent` before each part
 * and passes the part to `defer` when the current turn is used up. Deferred tasks run first in, first out.
 */
export class EventLoopTurns {
  readonly #options: TurnsOptions;
  #endsAtMs: number | undefined;
  #units = 0;
  readonly #deferred: (() => void)[] = [];
  /** The index of the first task that has not run. */
  #next = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Adds units of work to the current turn. */
  addUnits(units: number): void {
    this.#units += units;
  }

  /** Whether the current turn is used up. */
  isSpent(): boolean {
    const { now, turnMs, turnUnits } = this.#options;
    if (this.#endsAtMs !== undefined) return this.#units >= turnUnits || now() >= this.#endsAtMs;
    this.#endsAtMs = now() + turnMs;
    onNextTurn(() => void this.#run());
    return false;
  }

  /** Runs `task`, which must not throw, in a later turn. */
  defer(task: () => void): void {
    this.#deferred.push(task);
    // Starts a turn if there is none; deferred tasks run after it.
    this.isSpent();
  }

  async #run(): Promise<void> {
    this.#endsAtMs = undefined;
    this.#units = 0;
    while (this.#next < this.#deferred.length && !this.isSpent()) {
      this.#deferred[this.#next]?.();
      this.#next += 1;
      // Promise callbacks of a task are part of its work.
      await Promise.resolve();
    }
    if (this.#next < this.#deferred.length / 2) return;
    this.#deferred.splice(0, this.#next);
    this.#next = 0;
  }
}
