import type { Clock } from '../lib/clock.ts';
import type { Log } from './log.ts';

const logIntervalMs = 60_000;

interface LoggedCountsParts {
  readonly message: string;
  readonly clock: Clock;
  readonly log: Log;
}

interface LoggedProblem {
  readonly count?: number;
  /** Why it happened. */
  readonly reason?: string;
  readonly delayMs?: number;
}

/** Counts problems by kind, and logs at most one line per minute and kind. */
export class LoggedCounts<Kind extends string> {
  readonly #parts: LoggedCountsParts;
  readonly #counts: Record<Kind, number>;
  readonly #logged = new Map<Kind, { readonly at: number; readonly count: number }>();

  constructor(none: Readonly<Record<Kind, 0>>, parts: LoggedCountsParts) {
    this.#parts = parts;
    this.#counts = { ...none };
  }

  report(kind: Kind, { count = 1, ...fields }: LoggedProblem = {}): void {
    const { message, clock, log } = this.#parts;
    this.#counts[kind] += count;
    const total = this.#counts[kind];
    const last = this.#logged.get(kind);
    const now = clock.monotonic();
    if (last !== undefined && now - last.at < logIntervalMs) return;
    this.#logged.set(kind, { at: now, count: total });
    const suppressed = total - count - (last?.count ?? 0);
    log.warn(message, { kind, suppressed, ...(count === 1 ? {} : { count }), ...fields });
  }

  counts(): Readonly<Record<Kind, number>> {
    return this.#counts;
  }
}
