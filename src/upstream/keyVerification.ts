import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import { UpstreamError } from './errors.ts';

/** The tenant to whom calls with keys that nobody knows yet are counted, all together. */
export const unverifiedAccount = 'strangers';

const maxRememberedKeys = 10_000;
/** A key that was refused is not tried again before. */
const rejectionTtlMs = 10_000;

/**
 * Which keys of clients the helpdesk has taken. Anybody can make up a million others: together they get the calls of one account,
 * shared out among those who ask, and leave nothing behind.
 */
export function createKeyVerification(clock: Clock) {
  const verifiedAccounts = new LRUCache<string, true>({ max: maxRememberedKeys });
  const rejectedAt = new LRUCache<string, number>({ max: maxRememberedKeys });
  return {
    isUnverified: (account: string): boolean => !verifiedAccounts.has(account),
    /** Fails for a key that was refused a moment ago. */
    assertNotRecentlyRejected(account: string): void {
      if (clock.monotonic() - (rejectedAt.get(account) ?? -Infinity) < rejectionTtlMs) {
        throw new UpstreamError('unauthenticated', 'The key was refused a moment ago.', {
          notSent: true,
        });
      }
    },
    /** The helpdesk has answered a call with the key. */
    recordResponse(account: string, status: number): void {
      if (status >= 200 && status < 300) verifiedAccounts.set(account, true);
      if (status !== 401) return;
      verifiedAccounts.delete(account);
      rejectedAt.set(account, clock.monotonic());
    },
  };
}

export type KeyVerification = ReturnType<typeof createKeyVerification>;
