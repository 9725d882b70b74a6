import type { Clock } from '../../lib/clock.ts';

/** The clock of HelpCrunch, by its responses. That of this machine may be wrong, and may be set while the gateway runs. */
export class ServerClock {
  readonly #clock: Clock;
  /** Between the time of HelpCrunch and the monotonic clock; undefined before the first response. */
  #aheadMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes the time from the header `Date` of a response. */
  record(date: string | null): void {
    const dateMs = date === null ? NaN : Date.parse(date);
    if (!Number.isNaN(dateMs)) this.#aheadMs = dateMs - this.#clock.monotonic();
  }

  /** Milliseconds since the epoch, at most a second and the duration of a response late. The wall clock before the first response. */
  now(): number {
    return this.#aheadMs === undefined
      ? this.#clock.now()
      : Math.max(0, this.#clock.monotonic() + this.#aheadMs);
  }
}
