import { LRUCache } from 'lru-cache';
import type { Clock } from '../support/clock.ts';
import { UpstreamError } from './errors.ts';

/** The tenant to whom calls with keys that nobody knows yet are counted, all together. */
export const strangers = 'strangers';

const maxRemembered = 10_000;
/** A key that was refused is not tried again before. */
const refusedMs = 10_000;

/**
 * Which keys of clients the helpdesk has taken. Anybody can make up a million others: together they get the calls of one account,
 * shared out among those who ask, and leave nothing behind.
 */
export function createAcquaintances(clock: Clock) {
  const known = new LRUCache<string, true>({ max: maxRemembered });
  const refusedAt = new LRUCache<string, number>({ max: maxRemembered });
  return {
    isStranger: (tenant: string): boolean => !known.has(tenant),
    /** Fails for a key that was refused a moment ago. */
    greet(tenant: string): void {
      if (clock.monotonic() - (refusedAt.get(tenant) ?? -Infinity) < refusedMs) {
        throw new UpstreamError('unauthenticated', 'The key was refused a moment ago.', {
          neverLeft: true,
        });
      }
    },
    /** The helpdesk has answered a call with the key. */
    answered(tenant: string, status: number): void {
      if (status >= 200 && status < 300) known.set(tenant, true);
      if (status !== 401) return;
      known.delete(tenant);
      refusedAt.set(tenant, clock.monotonic());
    },
  };
}

export type Acquaintances = ReturnType<typeof createAcquaintances>;
