import type { Clock } from '../../lib/clock.ts';
import type { RedisConnections } from '../../redis/connection.ts';
import { CreatedObjects } from './createdObjects.ts';
import { IdempotencyStore } from './idempotency.ts';
import { IdempotentRuns } from './idempotentRuns.ts';
import { WriteLocks } from './locks.ts';

/** What the writes of all operations share. */
export type WriteServices = ReturnType<typeof createWriteServices>;

export const createWriteServices = (clock: Clock, redis?: RedisConnections) => ({
  locks: new WriteLocks(redis),
  createdObjects: new CreatedObjects(clock, redis),
  idempotentRuns: new IdempotentRuns(new IdempotencyStore(clock, redis)),
});
