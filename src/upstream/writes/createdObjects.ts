import { randomUUID } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { ExpiringMap } from '../../lib/expiringMap.ts';
import type { RedisConnections } from '../../redis/connection.ts';
import { redisKey } from '../../redis/keys.ts';

/** As long as a mutation can be repeated with its idempotency key. */
const ttlMs = 86_400_000;
/** In this process. */
const maxObjects = 10_000;

/** Assigns each created object to one write, so that a lookup does not return what another write has created. */
export class CreatedObjects {
  readonly #local: ExpiringMap<string>;
  readonly #redis: RedisConnections | undefined;

  constructor(clock: Clock, redis?: RedisConnections) {
    this.#local = new ExpiringMap(clock, maxObjects);
    this.#redis = redis;
  }

  /** A write that is not repeated. */
  newOwner(): string {
    return randomUUID();
  }

  /** False if the object belongs to another write. Without Redis only the writes of this instance are known. */
  async claim(account: string, name: string, owner: string): Promise<boolean> {
    const key = redisKey(account, 'created', name);
    const isOwn =
      (this.#local.get(key) ?? owner) === owner && (await this.#claimShared(key, owner));
    if (isOwn) this.#local.set(key, owner, ttlMs);
    return isOwn;
  }

  async #claimShared(key: string, owner: string): Promise<boolean> {
    for (const expected of ['', owner]) {
      const reply = await this.#redis?.runScript('replaceRecord', [key], [expected, owner, ttlMs]);
      // Redis is unavailable, or the claim succeeded.
      if (reply !== 0) return true;
    }
    return false;
  }
}
