import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import { UpstreamError } from './errors.ts';
import type { Layer } from './pipeline.ts';

/** The account that is charged for calls with keys that HelpCrunch has not accepted yet. */
export const unverifiedAccount = 'unverified';

const maxKeys = 10_000;
/** Negative caching of rejected keys. */
const rejectionTtlMs = 10_000;

/**
 * Remembers which client keys HelpCrunch accepts. Unverified keys share one quota and are never cached, so that invented keys exhaust
 * neither memory nor HelpCrunch.
 */
export class KeyVerification {
  readonly #clock: Clock;
  readonly #verifiedAccounts = new LRUCache<string, true>({ max: maxKeys });
  readonly #rejectedAt = new LRUCache<string, number>({ max: maxKeys });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isUnverified(account: string): boolean {
    return !this.#verifiedAccounts.has(account);
  }

  recordResponse(account: string, status: number): void {
    if (status >= 200 && status < 300) this.#verifiedAccounts.set(account, true);
    if (status !== 401) return;
    this.#verifiedAccounts.delete(account);
    this.#rejectedAt.set(account, this.#clock.monotonic());
  }

  /** Rejects calls with recently rejected keys and charges those with unverified keys to the shared account. */
  readonly layer: Layer = (next) => async (request) => {
    const { account } = request.context;
    if (this.#clock.monotonic() - (this.#rejectedAt.get(account) ?? -Infinity) < rejectionTtlMs) {
      throw new UpstreamError('unauthenticated', 'HelpCrunch rejected the key recently.', {
        notSent: true,
      });
    }
    const quotaOwner = this.isUnverified(account) ? unverifiedAccount : account;
    return next({ ...request, quotaOwner });
  };
}
