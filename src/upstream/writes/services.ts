import type { Clock } from '../../lib/clock.ts';
import type { RedisConnections } from '../../redis/connection.ts';
import { CreatedObjects } from './createdObjects.ts';
import { IdempotencyStore } from './idempotency.ts';
import { IdempotentRuns } from './idempotentRuns.ts';
import { EntityLocks } from '../entityLocks.ts';
import { ServerClock } from './serverClock.ts';

/** What the writes of all operations share. */
export type WriteServices = ReturnType<typeof createWriteServices>;

export function createWriteServices(clock: Clock, redis?: RedisConnections) {
  const idempotencyStore = new IdempotencyStore(clock, redis);
  return {
    locks: new EntityLocks(redis),
    createdObjects: new CreatedObjects(clock, redis),
    idempotentRuns: new IdempotentRuns(idempotencyStore),
    idempotencyStore,
    serverClock: new ServerClock(clock),
  };
}
