import { Redis } from 'ioredis';
import { failFastOptions } from './clientOptions.ts';

/** A connection for counting only: a count that Redis does not take at once is made without it. */
export function createCounterConnection({
  url,
  timeoutMs,
}: {
  url: string;
  timeoutMs: number;
}): Redis {
  const redis = new Redis(url, failFastOptions(timeoutMs));
  // Others say that it is away; this one goes on alone.
  redis.on('error', () => undefined);
  return redis;
}
