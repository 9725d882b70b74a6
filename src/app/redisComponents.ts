/** What instances share through Redis. It is loaded only with `REDIS_URL`, because the client takes time and memory. */
export { RedisEventBus } from '../events/redisBus.ts';
export { RedisConnections } from '../redis/connection.ts';
export { RedisCache } from '../upstream/cache/redisCache.ts';
