import { Redis } from 'ioredis';
import { hasty } from '../support/redisOptions.ts';

/** A connection for counting only: a count that Redis does not take at once is made without it. */
export function connectForCounting({ url, timeoutMs }: { url: string; timeoutMs: number }): Redis {
  const redis = new Redis(url, hasty(timeoutMs));
  // Others say that it is away; this one goes on alone.
  redis.on('error', () => undefined);
  return redis;
}
