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
  /** Tasks by the account whose key they wait for. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #rejectedAt = new LRUCache<string, number>({ max: maxKeys });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isUnverified(account: string): boolean {
    return !this.#verifiedAccounts.has(account);
  }

  /** Runs `task` once when HelpCrunch accepts the key. Returns a function that cancels it. */
  onVerified(account: string, task: () => void): () => void {
    const waiting = this.#waiting.get(account) ?? new Set();
    this.#waiting.set(account, waiting.add(task));
    return () => {
      waiting.delete(task);
      if (waiting.size === 0 && this.#waiting.get(account) === waiting) {
        this.#waiting.delete(account);
      }
    };
  }

  recordResponse(account: string, status: number): void {
    if (status >= 200 && status < 300) this.#accept(account);
    if (status !== 401) return;
    this.#verifiedAccounts.delete(account);
    this.#rejectedAt.set(account, this.#clock.monotonic());
  }

  #accept(account: string): void {
    this.#verifiedAccounts.set(account, true);
    const waiting = this.#waiting.get(account) ?? [];
    this.#waiting.delete(account);
    for (const task of [...waiting]) task();
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
