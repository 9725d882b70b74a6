import type { RedisConnections } from '../redis/connection.ts';
import { redisKey } from '../redis/keys.ts';

/** Locks of entities and cache entries in Redis, for all instances. Without Redis there is one instance, whose queue of the entity is sufficient. */
export class EntityLocks {
  readonly #redis: RedisConnections | undefined;
  #count = 0;

  constructor(redis?: RedisConnections) {
    this.#redis = redis;
  }

  /** Resolves to a function that releases the lock; undefined if another instance holds it. */
  async tryAcquire(
    account: string,
    name: string,
    ttlMs: number,
  ): Promise<(() => Promise<void>) | undefined> {
    const redis = this.#redis;
    if (redis === undefined) return () => Promise.resolve();
    const key = redisKey(account, 'lock', name);
    this.#count += 1;
    const token = `${redis.instanceId} ${this.#count}`;
    const reply = await redis.runScript('replaceRecord', [key], ['', token, Math.ceil(ttlMs)]);
    // Redis is unavailable: there is no order across instances.
    if (reply === undefined) return () => Promise.resolve();
    if (reply !== 1) return undefined;
    return async () => {
      await redis.runScript('replaceRecord', [key], [token, '', 0]);
    };
  }
}
