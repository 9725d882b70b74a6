/** What instances share through Redis. Loaded only where there is one: its client takes time and memory. */
export { createEventsRedis } from '../events/redisConnection.ts';
export { createCounterConnection } from '../redis/counterConnection.ts';
export { createRedisRateLimiter } from '../upstream/rateLimit/redisLimiter.ts';
export { createRedisCache } from '../upstream/cache/redisCache.ts';
