import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';
import { LoggedCounts } from '../observability/loggedCounts.ts';

/**
 * A message, a cache entry or a name of a popular entry in a format that this version does not write. `echo` is a message on the channel of
 * the read fence.
 */
type RedisAnomaly = 'event' | 'change' | 'echo' | 'entry' | 'popular';

type RedisAnomalies = LoggedCounts<RedisAnomaly>;

/** Counts data that other programs or versions left in Redis. The data itself is never logged. */
export const createRedisAnomalies = (clock: Clock, log: Log): RedisAnomalies =>
  new LoggedCounts<RedisAnomaly>(
    { event: 0, change: 0, echo: 0, entry: 0, popular: 0 },
    { message: 'unexpected data in Redis dropped', clock, log },
  );
