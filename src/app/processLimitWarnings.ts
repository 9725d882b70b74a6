import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import type { Config } from '../config/settings.ts';
import type { Finding } from '../config/crossChecks.ts';

/** What the process needs besides its caches when idle. */
const baseHeapBytes = 48 * 2 ** 20;

const mebibytes = (bytes: number): number => Math.floor(bytes / 2 ** 20);

/** The number of files that the process may open; undefined where it is unlimited or unknown. */
function maxOpenFiles(): number | undefined {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const [, soft] = /^Max open files +([0-9]+)/m.exec(limits) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** Settings that exceed what the process may use. */
export function processLimitWarnings(config: Config): readonly Finding[] {
  const { cacheMaxBytes, responseCacheMaxBytes, maxConnections } = config;
  const heapLimit = getHeapStatistics().heap_size_limit;
  const isHeapExceeded = cacheMaxBytes + responseCacheMaxBytes + baseHeapBytes > heapLimit;
  const files = maxOpenFiles() ?? Infinity;
  const severity = 'warning' as const;
  return [
    ...(isHeapExceeded
      ? [
          {
            severity,
            variable: 'CACHE_MAX_BYTES',
            message: `and RESPONSE_CACHE_MAX_BYTES do not fit the heap of ${mebibytes(heapLimit)} MiB. Lower them, or raise the limit with NODE_OPTIONS=--max-old-space-size.`,
          },
        ]
      : []),
    ...(maxConnections > files
      ? [
          {
            severity,
            variable: 'MAX_CONNECTIONS',
            message: `is more than the ${files} files that the process may open. Lower it, or raise the limit (ulimit -n, LimitNOFILE).`,
          },
        ]
      : []),
  ];
}
