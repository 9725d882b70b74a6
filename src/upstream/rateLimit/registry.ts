import { UpstreamError } from '../errors.ts';
import type { RateLimiter, CallPriority } from './limiter.ts';
import type { AccountLimiter } from './accountLimiter.ts';
import { priorities } from './fairQueue.ts';

/** Also opens a lane for a tenant that has not called yet. */
export type RateLimiterRegistry = RateLimiter & { ensure(account: string): void };

interface RegistryOptions {
  readonly limit: number;
  readonly createAccountLimiter: (account: string) => AccountLimiter;
  readonly onRemove?: (account: string) => void;
}

/** More tenants than can be busy at one time; a lane that still counts calls must not be dropped. */
const maxAccounts = 10_000;
const capacityRetryMs = 1_000;

/** A lane for each tenant, as long as it holds something. */
export function createRateLimiterRegistry({
  limit,
  createAccountLimiter: createLimiter,
  onRemove,
}: RegistryOptions): RateLimiterRegistry {
  /** The one that was looked at longest ago comes first. */
  const limiters = new Map<string, AccountLimiter>();
  let isClosed = false;

  /** Two for every one that may be added, so that the idle ones go without a timer. */
  function removeIdle(): void {
    let remainingChecks = 2;
    for (const [account, limiter] of limiters) {
      limiters.delete(account);
      if (limiter.isIdle()) onRemove?.(account);
      else limiters.set(account, limiter);
      remainingChecks -= 1;
      if (remainingChecks === 0) return;
    }
  }

  function getOrCreate(account: string): AccountLimiter {
    removeIdle();
    const limiter = limiters.get(account) ?? createLimiter(account);
    limiters.set(account, limiter);
    return limiter;
  }

  return {
    acquire(account, request, signal) {
      if (isClosed) {
        const details = { notSent: true } as const;
        return Promise.reject(new UpstreamError('unavailable', 'The gateway is closing.', details));
      }
      if (limiters.size >= maxAccounts && !limiters.has(account)) {
        removeIdle();
        if (limiters.size >= maxAccounts) {
          const details = { notSent: true, retryAfterMs: capacityRetryMs } as const;
          return Promise.reject(
            new UpstreamError('rateLimited', 'Too many accounts are in use.', details),
          );
        }
      }
      return getOrCreate(account).acquire(request, signal);
    },
    reevaluate: (account) => limiters.get(account)?.reevaluate(),
    status: (account) =>
      limiters.get(account)?.status() ?? { limit, remaining: limit, resetAt: null },
    ensure(account) {
      if (limiters.has(account) || limiters.size < maxAccounts) getOrCreate(account);
    },
    refresh: () => Promise.resolve(),
    retryAfterMs: (account) => limiters.get(account)?.retryAfterMs() ?? 1,
    queueLengths() {
      const total: Record<CallPriority, number> = { write: 0, read: 0, background: 0 };
      for (const limiter of limiters.values()) {
        const depths = limiter.queueDepths();
        for (const priority of priorities) total[priority] += depths[priority];
      }
      return total;
    },
    isShared: () => null,
    close() {
      isClosed = true;
      for (const limiter of limiters.values()) limiter.close();
      limiters.clear();
    },
  };
}
