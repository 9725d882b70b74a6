import { publicError } from '../graphql/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';
import { LoggedCounts } from '../observability/loggedCounts.ts';

const sampleMs = 100;

/** A single stall is no overload: consecutive samples must be late, for longer than a garbage collection takes. */
const minLateSamples = 3;
const minLateMs = 2_000;

const retryAfterMs = 1_000;

interface LoadShedderParts {
  /** 0: operations are never rejected. */
  readonly maxDelayMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Rejects new operations while the event loop is late, so that health checks and operations in progress are still served. The delay is
 * that of a timer: unlike the CPU time it includes waits for a core.
 */
export class LoadShedder {
  readonly #parts: LoadShedderParts;
  readonly #periods: LoggedCounts<'eventLoopDelay'>;
  #lateSamples = 0;
  #lateSinceMs = 0;
  #isOverloaded = false;
  #rejected = 0;
  #cancel = (): void => undefined;

  constructor(parts: LoadShedderParts) {
    const { clock, log, maxDelayMs } = parts;
    this.#parts = parts;
    const message = 'overloaded, new operations are rejected';
    this.#periods = new LoggedCounts({ eventLoopDelay: 0 }, { message, clock, log });
    if (maxDelayMs > 0) this.#schedule();
  }

  /** The operations that were rejected. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Fails with 503 while the process is overloaded. */
  assertCapacity(): void {
    if (!this.#isOverloaded) return;
    this.#rejected += 1;
    throw publicError.unavailable('The gateway is overloaded. Retry after retryAfterMs.', {
      retryAfterMs,
    });
  }

  close(): void {
    this.#cancel();
  }

  #schedule(): void {
    const { clock } = this.#parts;
    const dueMs = clock.monotonic() + sampleMs;
    this.#cancel = clock.after(sampleMs, () => {
      this.#add(dueMs, clock.monotonic());
      this.#schedule();
    });
  }

  #add(dueMs: number, firedMs: number): void {
    const delayMs = firedMs - dueMs;
    if (delayMs <= this.#parts.maxDelayMs) {
      this.#lateSamples = 0;
      this.#isOverloaded = false;
      return;
    }
    if (this.#lateSamples === 0) this.#lateSinceMs = dueMs;
    this.#lateSamples += 1;
    const isLasting = firedMs - this.#lateSinceMs >= minLateMs;
    if (this.#isOverloaded || !isLasting || this.#lateSamples < minLateSamples) return;
    this.#isOverloaded = true;
    this.#periods.report('eventLoopDelay', { delayMs: Math.round(delayMs) });
  }
}
