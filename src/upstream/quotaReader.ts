import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import type { UpstreamContext } from './pipeline.ts';
import type { RateLimiter } from './rateLimit/limiter.ts';

type QuotaContext = Pick<
  UpstreamContext,
  'account' | 'viewer' | 'readPriority' | 'deadlineMs' | 'usage'
>;

/** What one viewer may still use of the rate limit. */
interface ViewerQuota {
  /** The calls of the account in any 60 seconds. */
  readonly limit: number;
  /** The calls that the viewer could start now. */
  readonly remaining: number;
  /** Until all calls made so far have left the window; or, if none remains, until the next is admitted. */
  readonly resetMs: number;
}

const maxViewers = 1_000;
const maxAgeMs = 1_000;

interface RecentQuota {
  readonly at: number;
  readonly quota: ViewerQuota | undefined;
}

/** Computing a quota takes longer than a response from the cache, so operations without calls get one that is at most a second old. */
class RecentQuotas {
  readonly #clock: Clock;
  readonly #quotas = new LRUCache<string, RecentQuota>({
    max: maxViewers,
  });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(
    name: string,
    hasChanged: boolean,
    read: () => ViewerQuota | undefined,
  ): ViewerQuota | undefined {
    const known = this.#quotas.get(name);
    const at = this.#clock.monotonic();
    if (known !== undefined && !hasChanged && at - known.at < maxAgeMs) return known.quota;
    const quota = read();
    this.#quotas.set(name, { at, quota });
    return quota;
  }
}

interface QuotaReaderOptions {
  readonly rateLimiter: RateLimiter;
  readonly clock: Clock;
  /** The account that is charged for calls; another one while the key of the client is not verified. */
  readonly quotaOwnerOf: (account: string) => string;
}

/** Reads what remains of the rate limit for the account and the viewer of an operation. */
export function createQuotaReader({ rateLimiter, clock, quotaOwnerOf }: QuotaReaderOptions) {
  const recentQuotas = new RecentQuotas(clock);
  return ({ account, viewer, readPriority: priority, deadlineMs, usage }: QuotaContext) => ({
    cached: () => rateLimiter.status(quotaOwnerOf(account)),
    /** Undefined without a limit, or if the key of the client is not verified. */
    ofViewer: (): ViewerQuota | undefined =>
      recentQuotas.get(`${account} ${viewer.key}`, usage.calls > 0, () => {
        // Before the limiter creates a window for the account, which it may share with other instances.
        if (quotaOwnerOf(account) !== account) return undefined;
        const { limit, resetAt } = rateLimiter.status(account);
        if (limit === 0) return undefined;
        const { remaining, retryAfterMs } = rateLimiter.viewerStatus(account, viewer);
        const untilResetMs = resetAt === null ? 0 : Math.max(0, resetAt - clock.now());
        return { limit, remaining, resetMs: remaining > 0 ? untilResetMs : retryAfterMs };
      }),
    /** Undefined unless it is certain that so many reads cannot all start before the deadline of the operation. */
    shortage: (count: number) =>
      rateLimiter.shortage(quotaOwnerOf(account), viewer, { count, priority, deadlineMs }),
    /** Includes the calls of other instances. */
    async refresh() {
      const owner = quotaOwnerOf(account);
      await rateLimiter.refresh(owner);
      const status = rateLimiter.status(owner);
      const { remaining } = rateLimiter.viewerStatus(owner, viewer);
      return { ...status, viewerRemaining: status.limit === 0 ? 0 : remaining };
    },
  });
}
