import type { Clock } from '../lib/clock.ts';
import { ExportError } from './options.ts';

const firstBackoffMs = 500;
const maxBackoffMs = 30_000;
/** About three and a half minutes: a restart of the gateway takes less. */
const maxAttempts = 12;
/** A rate limit that admits one call every few milliseconds would cause an operation for each. */
const minRateLimitWaitMs = 1_000;
const maxRateLimitWaitMs = 600_000;

const interruptedError = () =>
  new ExportError('INTERRUPTED', 'The export was stopped. Run it again; it continues.');

/** Waits between attempts. A success resets the backoff. */
export class Pauses {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #attempts = 0;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  succeeded(): void {
    this.#attempts = 0;
  }

  throwIfStopped(): void {
    if (this.#signal.aborted) throw interruptedError();
  }

  /** Waits for the rate limiter, which is not a failure. */
  async forRateLimit(retryAfterMs: number): Promise<void> {
    const ms = Math.min(Math.max(retryAfterMs, minRateLimitWaitMs), maxRateLimitWaitMs);
    await this.wait(ms);
  }

  /** Waits after a failure. Throws `UNAVAILABLE` after too many in succession. */
  async afterFailure(reason: string): Promise<void> {
    this.#attempts += 1;
    if (this.#attempts >= maxAttempts)
      throw new ExportError(
        'UNAVAILABLE',
        `The gateway failed ${maxAttempts} times: ${reason} Run the export again; it continues.`,
      );
    const limit = Math.min(maxBackoffMs, firstBackoffMs * 2 ** (this.#attempts - 1));
    await this.wait(limit / 2 + (this.#clock.random() * limit) / 2);
  }

  /** Throws `INTERRUPTED` when the export is stopped. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#signal.aborted) {
        reject(interruptedError());
        return;
      }
      const stop = () => {
        cancel();
        reject(interruptedError());
      };
      const cancel = this.#clock.after(ms, () => {
        this.#signal.removeEventListener('abort', stop);
        resolve();
      });
      this.#signal.addEventListener('abort', stop, { once: true });
    });
  }
}
