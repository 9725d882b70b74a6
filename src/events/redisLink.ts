import { Redis } from 'ioredis';
import type { Clock } from '../support/clock.ts';
import { hasty, listening } from '../support/redisOptions.ts';

/** Raised when what is said or kept changes its form, so that two versions of the gateway can share one Redis. */
export const prefix = 'helpcrunch:events:1:';

/** The way to what all instances know of events. Nothing here ever fails, and the cache says it when Redis comes and goes. */
export interface RedisLink {
  /** The answer; undefined when there is none. */
  run<Answer>(command: (redis: Redis) => Promise<Answer>): Promise<Answer | undefined>;
  /** A connection of its own, for one who listens. */
  listener(): Redis;
  close(): void;
}

/** After a command that failed, Redis is left alone for this time. */
const restMs = 1_000;

export function createRedisLink({
  url,
  timeoutMs,
  clock,
}: {
  readonly url: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
}): RedisLink {
  const redis = new Redis(url, hasty(timeoutMs));
  // Without a listener it would be thrown.
  redis.on('error', () => undefined);
  let restUntil = 0;
  return {
    async run(command) {
      if (redis.status !== 'ready' || clock.monotonic() < restUntil) return undefined;
      try {
        return await command(redis);
      } catch {
        restUntil = clock.monotonic() + restMs;
        return undefined;
      }
    },
    listener: () => new Redis(url, listening),
    close() {
      redis.disconnect();
    },
  };
}
