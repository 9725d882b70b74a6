import { onNextTurn } from './clock.ts';

/** Runs `task` when every promise that can go on has gone on. */
export function afterPromises(task: () => void): void {
  void Promise.resolve().then(() => process.nextTick(task));
}

/** Runs a batch of loads once no more can be added to it. */
export type Schedule = (batch: () => void) => void;

interface TurnsOptions {
  /** Milliseconds, such as a clock's. */
  readonly now: () => number;
  /** How long the work of one turn may take. */
  readonly turnMs: number;
  /**
   * How many units of work may be begun in one turn. Promises begin much work before any of it takes time, so that time alone would
   * tell too late.
   */
  readonly turnUnits: number;
}

/**
 * Divides work among turns of the event loop, so that sockets and timers are served in between. Work asks `isSpent` before each
 * part of it, and hands the part to `defer` when the current turn has been used up. Everybody who uses the same `Turns` shares its
 * turns, first come first served.
 */
export class Turns {
  readonly #options: TurnsOptions;
  #endsAtMs: number | undefined;
  #units = 0;
  readonly #deferred: (() => void)[] = [];
  /** The first that has not run. */
  #next = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Begins units of work in the current turn. */
  begin(units: number): void {
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
    // Begins a turn if there is none: what is deferred runs when it is over.
    this.isSpent();
  }

  async #run(): Promise<void> {
    this.#endsAtMs = undefined;
    this.#units = 0;
    while (this.#next < this.#deferred.length && !this.isSpent()) {
      this.#deferred[this.#next]?.();
      this.#next += 1;
      // The promises that a task resolves are part of its work.
      await Promise.resolve();
    }
    if (this.#next < this.#deferred.length / 2) return;
    this.#deferred.splice(0, this.#next);
    this.#next = 0;
  }
}
