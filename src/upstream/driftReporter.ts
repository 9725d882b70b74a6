import type { Clock } from '../lib/clock.ts';
import { ExpiringMap } from '../lib/expiringMap.ts';
import type { Log } from '../observability/log.ts';
import type { Drift } from './drift.ts';
import { observeDrift } from './drift.ts';

const logIntervalMs = 3_600_000;
const maxFields = 200;

interface DriftReporterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly count: (drift: Pick<Drift, 'resource' | 'kind'>) => void;
}

/** Counts drift, and logs each field once per hour, without its value. Returns a function that ends it. */
export function startDriftReporter({ clock, log, count }: DriftReporterOptions): () => void {
  const logged = new ExpiringMap<true>(clock, maxFields);
  return observeDrift(({ resource, kind, field }) => {
    count({ resource, kind });
    const name = `${kind} ${field}`;
    if (logged.get(name) === true) return;
    logged.set(name, true, logIntervalMs);
    log.warn('upstream drift', { resource, kind, field });
  });
}
