import type { Clock } from '../../lib/clock.ts';

const minuteMs = 60_000;

interface EventPaceOptions {
  readonly clock: Clock;
  /** Upstream calls per minute of the account; 0: unlimited. */
  readonly rateLimit: number;
}

/**
 * Limits the upstream calls of the events of one subscription to a sixth of the rate limit at once and half of it per minute (token
 * bucket), so that a flood of webhooks leaves quota to queries. Events that wait share what is read for the next one.
 */
export class EventPace {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #perMs: number;
  #available: number;
  #updatedAtMs: number;

  constructor({ clock, rateLimit }: EventPaceOptions) {
    this.#clock = clock;
    this.#capacity = rateLimit === 0 ? Infinity : Math.max(1, rateLimit / 6);
    this.#perMs = rateLimit / 2 / minuteMs;
    this.#available = this.#capacity;
    this.#updatedAtMs = clock.monotonic();
  }

  /** Subtracts the calls of an event. */
  spend(calls: number): void {
    if (calls === 0) return;
    this.#refill();
    // One expensive event does not delay the next ones for longer than a full bucket takes.
    this.#available = Math.max(this.#available - calls, -this.#capacity);
  }

  /** Whether the next event may make calls. */
  get isReady(): boolean {
    if (this.#available < this.#capacity) this.#refill();
    return this.#available >= 1;
  }

  /** Resolves when the next event may make calls, or when the signal aborts. */
  async ready(signal: AbortSignal): Promise<void> {
    while (!this.isReady && !signal.aborted)
      await this.#pause(Math.ceil((1 - this.#available) / this.#perMs), signal);
  }

  #refill(): void {
    const now = this.#clock.monotonic();
    const added = (now - this.#updatedAtMs) * this.#perMs;
    this.#available = Math.min(this.#capacity, this.#available + added);
    this.#updatedAtMs = now;
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, end);
      function end(): void {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      }
      signal.addEventListener('abort', end, { once: true });
    });
  }
}
