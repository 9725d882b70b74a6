import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';

/** A message or a cache entry in a format that this version does not write. `echo` is a message on the channel of the read fence. */
type RedisAnomaly = 'event' | 'change' | 'echo' | 'entry';

export interface RedisAnomalies {
  /** Counts dropped data, and logs at most one line per minute and kind. */
  report(kind: RedisAnomaly): void;
  counts(): Readonly<Record<RedisAnomaly, number>>;
}

const logIntervalMs = 60_000;

/** Counts data that other programs or versions left in Redis. The data itself is never logged. */
export function createRedisAnomalies(clock: Clock, log: Log): RedisAnomalies {
  const counts: Record<RedisAnomaly, number> = { event: 0, change: 0, echo: 0, entry: 0 };
  const logged = new Map<RedisAnomaly, { readonly at: number; readonly count: number }>();
  return {
    report(kind) {
      counts[kind] += 1;
      const last = logged.get(kind);
      const now = clock.monotonic();
      if (last !== undefined && now - last.at < logIntervalMs) return;
      const suppressed = counts[kind] - 1 - (last?.count ?? 0);
      logged.set(kind, { at: now, count: counts[kind] });
      log.warn('unexpected data in Redis dropped', { kind, suppressed });
    },
    counts: () => counts,
  };
}
