import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';

/** What was found in Redis in a form that this version does not write. */
export type UnexpectedKind = 'event' | 'change' | 'echo' | 'entry';

export interface Unexpected {
  /** Counts one that is dropped, and logs at most one line a minute of each kind. */
  report(kind: UnexpectedKind): void;
  counts(): Readonly<Record<UnexpectedKind, number>>;
}

const quietMs = 60_000;

/** Counts what other programs or versions left in Redis. The data itself is never logged. */
export function createUnexpected(clock: Clock, log: Log): Unexpected {
  const counts: Record<UnexpectedKind, number> = {
    event: 0,
    change: 0,
    echo: 0,
    entry: 0,
  };
  const logged = new Map<UnexpectedKind, { readonly at: number; readonly count: number }>();
  return {
    report(kind) {
      counts[kind] += 1;
      const last = logged.get(kind);
      const now = clock.monotonic();
      if (last !== undefined && now - last.at < quietMs) return;
      const suppressed = counts[kind] - 1 - (last?.count ?? 0);
      logged.set(kind, { at: now, count: counts[kind] });
      log.warn('unexpected data in Redis dropped', { kind, suppressed });
    },
    counts: () => counts,
  };
}
