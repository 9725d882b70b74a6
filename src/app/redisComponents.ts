/** The modules that share state through Redis. Loaded only with `REDIS_URL`: its client takes time and memory. */
export { RedisEventBus } from '../events/redisBus.ts';
export { RedisConnection } from '../redis/connection.ts';
export { RedisCache } from '../upstream/cache/redisCache.ts';
export { createRedisRateLimiter } from '../upstream/rateLimit/redisLimiter.ts';
