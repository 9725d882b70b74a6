import { Redis } from 'ioredis';
import type { Clock } from '../lib/clock.ts';
import { failFastOptions, subscriberOptions } from '../redis/clientOptions.ts';

/** Raised when what is said or kept changes its form, so that two versions of the gateway can share one Redis. */
export const eventKeyPrefix = 'helpcrunch:events:2:';

/** The way to what all instances know of events. Nothing here ever fails, and the cache says it when Redis comes and goes. */
export interface EventsRedis {
  /** The answer; undefined when there is none. */
  tryCommand<Reply>(command: (redis: Redis) => Promise<Reply>): Promise<Reply | undefined>;
  /** A connection of its own, for one who listens. */
  createSubscriber(): Redis;
  close(): void;
}

/** After a command that failed, Redis is left alone for this time. */
const cooldownMs = 1_000;

export function createEventsRedis({
  url,
  timeoutMs,
  clock,
}: {
  readonly url: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
}): EventsRedis {
  const redis = new Redis(url, failFastOptions(timeoutMs));
  // Without a listener it would be thrown.
  redis.on('error', () => undefined);
  let cooldownUntil = 0;
  return {
    async tryCommand(command) {
      if (redis.status !== 'ready' || clock.monotonic() < cooldownUntil) return undefined;
      try {
        return await command(redis);
      } catch {
        cooldownUntil = clock.monotonic() + cooldownMs;
        return undefined;
      }
    },
    createSubscriber: () => new Redis(url, subscriberOptions),
    close() {
      redis.disconnect();
    },
  };
}
