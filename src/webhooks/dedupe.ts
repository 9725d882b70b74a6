import { LRUCache } from 'lru-cache';
import { lruEntryLimit } from '../lib/entryLimit.ts';
import type { Clock } from '../lib/clock.ts';
import type { RedisConnections } from '../redis/connection.ts';
import { hashedName, redisKey } from '../redis/keys.ts';
import { maxCurrentMs } from './effects.ts';

/** `acquired`: this instance must apply it. `processed`: already applied. `inProgress`: another instance is applying it. */
type DeliveryState = 'acquired' | 'processed' | 'inProgress';

/** Lets each delivery be applied once, by any instance. No method rejects. */
export interface DeliveryDeduplicator {
  acquire(name: string): Promise<DeliveryState>;
  /** The delivery was applied. */
  confirm(name: string): Promise<void>;
  /** The delivery could not be applied and may be repeated. */
  release(name: string): Promise<void>;
}

/** As long as a repetition of the event would be published. */
const processedTtlMs = maxCurrentMs;
/** Longer than any delivery takes; then a delivery of an instance that crashed may be repeated. */
const lockTtlMs = 10_000;
const maxRememberedDeliveries = 50_000;

export function createDeliveryDeduplicator(
  clock: Clock,
  redis?: RedisConnections,
): DeliveryDeduplicator {
  const processedUntil = new LRUCache<string, number>(lruEntryLimit(maxRememberedDeliveries));
  const keyOf = (id: string) => redisKey(redis?.account ?? '', 'delivery', hashedName(id));
  return {
    async acquire(name) {
      if (clock.monotonic() <= (processedUntil.get(name) ?? -1)) return 'processed';
      const state = await redis?.runScript('acquireDelivery', [keyOf(name)], [lockTtlMs]);
      return state === 'processed' || state === 'inProgress' ? state : 'acquired';
    },
    async confirm(name) {
      processedUntil.set(name, clock.monotonic() + processedTtlMs);
      await redis?.tryCommand((client) =>
        client.set(keyOf(name), 'processed', 'PX', processedTtlMs),
      );
    },
    async release(name) {
      await redis?.tryCommand((client) => client.del(keyOf(name)));
    },
  };
}
