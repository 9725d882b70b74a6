/** What instances share through Redis. Loaded only where there is one: its client takes time and memory. */
export { createRedisLink } from './events/redisLink.ts';
export { connectForCounting } from './http/counting.ts';
export { createSharedBudget } from './upstream/budget/sharedBudget.ts';
export { createSharedMemory } from './upstream/cache/sharedMemory.ts';
