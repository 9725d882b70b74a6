import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import type { EventsRedis } from '../events/redisConnection.ts';
import { eventKeyPrefix } from '../events/redisConnection.ts';
import { maxCurrentMs } from './effects.ts';

/** `acquired`: to be applied here. `processed`: already applied. `inProgress`: another instance is applying it. */
export type DeliveryState = 'acquired' | 'processed' | 'inProgress';

/** Sees to it that each delivery is applied once, by whichever instance it reaches. Nothing here ever fails. */
export interface DeliveryDeduplicator {
  acquire(name: string): Promise<DeliveryState>;
  /** It has been applied. */
  confirm(name: string): Promise<void>;
  /** It could not be applied, so that another try may be. */
  release(name: string): Promise<void>;
}

/** An id is remembered for as long as a copy of its event would be published. */
const processedTtlMs = maxCurrentMs;
/** Longer than any delivery takes; one whose instance has died is free again after it. */
const lockTtlMs = 10_000;
const maxRememberedDeliveries = 50_000;

const acquireScript = `
  local found = redis.pcall('GET', KEYS[1])
  if found == 'processed' or found == 'inProgress' then return found end
  redis.call('SET', KEYS[1], 'inProgress', 'PX', ARGV[1])
  return 'acquired'`;

export function createDeliveryDeduplicator(
  clock: Clock,
  redis?: EventsRedis,
): DeliveryDeduplicator {
  /** Until when they are remembered. */
  const processedUntil = new LRUCache<string, number>({ max: maxRememberedDeliveries });
  const keyOf = (name: string) => `${eventKeyPrefix}delivery:${name}`;
  return {
    async acquire(name) {
      if (clock.monotonic() <= (processedUntil.get(name) ?? -1)) return 'processed';
      const state = await redis?.tryCommand((connection) =>
        connection.eval(acquireScript, 1, keyOf(name), lockTtlMs),
      );
      return state === 'processed' || state === 'inProgress' ? state : 'acquired';
    },
    async confirm(name) {
      processedUntil.set(name, clock.monotonic() + processedTtlMs);
      await redis?.tryCommand((connection) =>
        connection.set(keyOf(name), 'processed', 'PX', processedTtlMs),
      );
    },
    async release(name) {
      await redis?.tryCommand((connection) => connection.del(keyOf(name)));
    },
  };
}
