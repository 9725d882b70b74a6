import { LRUCache } from 'lru-cache';
import type { Clock } from '../support/clock.ts';
import type { RedisLink } from './redisLink.ts';
import { prefix } from './redisLink.ts';

/** `mine` is to be applied here, `done` has been applied, `elsewhere` is being applied by another instance. */
export type Claim = 'mine' | 'done' | 'elsewhere';

/** Sees to it that each delivery is applied once, by whichever instance it reaches. Nothing here ever fails. */
export interface Claims {
  claim(name: string): Promise<Claim>;
  /** It has been applied. */
  confirm(name: string): Promise<void>;
  /** It could not be applied, so that another try may be. */
  release(name: string): Promise<void>;
}

const oneDayMs = 86_400_000;
/** Longer than any delivery takes; one whose instance has died is free again after it. */
const workMs = 10_000;
const maxKept = 50_000;

const claimScript = `
  local found = redis.pcall('GET', KEYS[1])
  if found == 'done' or found == 'elsewhere' then return found end
  redis.call('SET', KEYS[1], 'elsewhere', 'PX', ARGV[1])
  return 'mine'`;

export function createClaims(clock: Clock, link?: RedisLink): Claims {
  /** Until when they are remembered. */
  const done = new LRUCache<string, number>({ max: maxKept });
  const keyOf = (name: string) => `${prefix}delivery:${name}`;
  return {
    async claim(name) {
      if (clock.monotonic() < (done.get(name) ?? 0)) return 'done';
      const found = await link?.run((redis) => redis.eval(claimScript, 1, keyOf(name), workMs));
      return found === 'done' || found === 'elsewhere' ? found : 'mine';
    },
    async confirm(name) {
      done.set(name, clock.monotonic() + oneDayMs);
      await link?.run((redis) => redis.set(keyOf(name), 'done', 'PX', oneDayMs));
    },
    async release(name) {
      await link?.run((redis) => redis.del(keyOf(name)));
    },
  };
}
