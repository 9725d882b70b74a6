import type { AbortSignalLike } from '../../lib/abortScope.ts';
import type { Clock } from '../../lib/clock.ts';
import { InstanceMembership } from '../../redis/instanceMembership.ts';
import type { RedisConnections } from '../../redis/connection.ts';
import { hashedName } from '../../redis/keys.ts';
import { UpstreamError } from '../errors.ts';
import { AccountLimiter } from './accountLimiter.ts';
import type {
  CallPriority,
  Permit,
  ChargeCandidate,
  PermitRequest,
  QuotaSettings,
  QuotaViewer,
  RateLimitRejection,
  RateLimiter,
  RequiredCalls,
  Shortage,
} from './limiter.ts';
import { priorities } from './limiter.ts';
import type { PermitWindow } from './permitWindow.ts';
import { LocalPermitWindow } from './permitWindow.ts';
import { RedisPermitWindow } from './redisWindow.ts';

export interface RateLimiterOptions {
  /** Calls per window of every account, or of each one; 0 is unlimited. */
  readonly limit: number | ((account: string) => number);
  /** How the limit is divided; undefined: it is not. */
  readonly quotas?: QuotaSettings;
  readonly clock: Clock;
  readonly windowMs?: number;
  /** No call is in flight for longer; must be more than the transport's timeout. */
  readonly leaseTtlMs?: number;
}

const limitFor = ({ limit }: Pick<RateLimiterOptions, 'limit'>, account: string): number =>
  typeof limit === 'number' ? limit : limit(account);

const defaultTiming = { windowMs: 60_000, leaseTtlMs: 15_000 };

/** More accounts than can be busy at one time; one whose calls still count must not be removed. */
const maxAccounts = 10_000;
const capacityRetryMs = 1_000;

interface RegistryOptions extends RateLimiterOptions {
  readonly windowMs: number;
  readonly createWindow: (account: string, onChange: () => void) => PermitWindow;
  readonly onRemove?: (account: string) => void;
}

/** One limiter per account, as long as it holds anything. */
class RateLimiterRegistry implements RateLimiter {
  readonly #options: RegistryOptions;
  /** The one that was looked at longest ago comes first. */
  readonly #limiters = new Map<string, AccountLimiter>();
  #isClosed = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  acquire(account: string, request: () => PermitRequest, signal: AbortSignalLike): Promise<Permit> {
    if (this.#isClosed) {
      const details = { notSent: true } as const;
      return Promise.reject(new UpstreamError('unavailable', 'The gateway is stopping.', details));
    }
    if (!this.#hasRoomFor(account)) {
      const details = {
        notSent: true,
        retryAfterMs: capacityRetryMs,
        reason: 'ACCOUNT_LIMIT',
      } as const;
      return Promise.reject(
        new UpstreamError('rateLimited', 'Too many accounts are in use.', details),
      );
    }
    return this.ensure(account).acquire(request, signal);
  }

  reevaluate(account: string): void {
    this.#limiters.get(account)?.reevaluate();
  }

  status(account: string) {
    const limit = limitFor(this.#options, account);
    return this.#limiters.get(account)?.status() ?? { limit, remaining: limit, resetAt: null };
  }

  viewerStatus(account: string, viewer: QuotaViewer) {
    return this.ensure(account).viewerStatus(viewer);
  }

  async refresh(account: string): Promise<void> {
    await this.#limiters.get(account)?.refresh();
  }

  canStart(account: string, candidate: ChargeCandidate): boolean {
    return this.ensure(account).canStart(candidate);
  }

  delaysOther(account: string, starter: ChargeCandidate, other: ChargeCandidate): boolean {
    return this.#limiters.get(account)?.delaysOther(starter, other) === true;
  }

  explainWait(account: string, viewer: QuotaViewer, priority: CallPriority): RateLimitRejection {
    const rejection = this.#limiters.get(account)?.explainWait({ viewer, priority });
    return rejection ?? { reason: 'ACCOUNT_LIMIT', retryAfterMs: 1 };
  }

  shortage(account: string, viewer: QuotaViewer, required: RequiredCalls): Shortage | undefined {
    return this.ensure(account).shortage(viewer, required);
  }

  queueDepths(account?: string): Record<CallPriority, number> {
    const total: Record<CallPriority, number> = { write: 0, read: 0, background: 0 };
    for (const [name, limiter] of this.#limiters) {
      if (account !== undefined && name !== account) continue;
      const depths = limiter.queueDepths();
      for (const priority of priorities) total[priority] += depths[priority];
    }
    return total;
  }

  isShared(): boolean | null {
    return null;
  }

  close(): void {
    this.#isClosed = true;
    for (const limiter of this.#limiters.values()) limiter.close();
    this.#limiters.clear();
  }

  /** The account's limiter, created if there is none. */
  ensure(account: string): AccountLimiter {
    const known = this.#limiters.get(account);
    // The only account: there is no other to be removed.
    if (known !== undefined && this.#limiters.size === 1) return known;
    this.#removeIdle();
    const { clock, windowMs, quotas, createWindow } = this.#options;
    const limiter =
      this.#limiters.get(account) ??
      new AccountLimiter({
        clock,
        windowMs,
        quotas,
        createWindow: (onChange) => createWindow(account, onChange),
      });
    this.#limiters.set(account, limiter);
    return limiter;
  }

  #hasRoomFor(account: string): boolean {
    if (this.#limiters.has(account) || this.#limiters.size < maxAccounts) return true;
    this.#removeIdle();
    return this.#limiters.size < maxAccounts;
  }

  /** Checks two for each one that may be added, so that idle ones are removed without a timer. */
  #removeIdle(): void {
    let remaining = 2;
    for (const [account, limiter] of this.#limiters) {
      if (remaining === 0) return;
      remaining -= 1;
      this.#limiters.delete(account);
      if (limiter.isIdle()) this.#options.onRemove?.(account);
      else this.#limiters.set(account, limiter);
    }
  }
}

/** A rate limiter for a limit that only this process uses. */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const timing = { ...defaultTiming, ...options };
  return new RateLimiterRegistry({
    ...timing,
    createWindow: (account, onChange) =>
      new LocalPermitWindow({ ...timing, limit: limitFor(options, account) }, onChange),
  });
}

interface RedisRateLimiterOptions extends RateLimiterOptions {
  readonly redis: RedisConnections;
  /** Redis has lost permits of an account. */
  readonly onPermitsLost?: (account: string) => void;
}

const heartbeatMs = 1_000;
const maxHashes = 10_000;

/** Redis stores the viewers of calls: without the ids of customers or agents. */
function createViewerHash(): (viewer: QuotaViewer) => QuotaViewer {
  const hashes = new Map<string, string>();
  return ({ key, class: viewerClass }) => {
    const hash = hashes.get(key) ?? hashedName(key);
    if (hashes.size >= maxHashes) hashes.clear();
    hashes.set(key, hash);
    return { key: hash, class: viewerClass };
  };
}

/** A rate limiter that several instances share. It sends heartbeats until it is closed. */
export function createRedisRateLimiter(options: RedisRateLimiterOptions): RateLimiter {
  const { clock, redis, onPermitsLost = () => undefined } = options;
  // Without a limit there is nothing to share.
  if (options.limit === 0) return createRateLimiter(options);

  const timing = { ...defaultTiming, ...options };
  const windows = new Map<string, RedisPermitWindow>();
  const cluster = new InstanceMembership({
    redis,
    clock,
    heartbeatMs,
    events: {
      onModeChange() {
        for (const window of windows.values()) window.applyMode();
      },
      onHeartbeat() {
        for (const account of windows.keys()) void registry.refresh(account);
      },
      async resync() {
        const synced = await Promise.all(Array.from(windows.values(), (each) => each.resync()));
        return synced.every(Boolean);
      },
    },
  });
  const registry: RateLimiterRegistry = new RateLimiterRegistry({
    ...timing,
    createWindow(account, onChange) {
      const limit = limitFor(options, account);
      if (limit === 0) return new LocalPermitWindow({ ...timing, limit }, onChange);
      const window = new RedisPermitWindow(
        { ...timing, limit, instances: cluster, account, onPermitsLost },
        onChange,
      );
      windows.set(account, window);
      return window;
    },
    onRemove: (account) => void windows.delete(account),
  });

  const hashedViewer = createViewerHash();
  const hashed = (candidate: ChargeCandidate): ChargeCandidate => ({
    ...candidate,
    viewer: hashedViewer(candidate.viewer),
  });
  const hashedRequest = (request: PermitRequest): PermitRequest => ({
    ...request,
    candidates: request.candidates.map(hashed),
  });

  return {
    acquire: (account, request, signal) =>
      registry.acquire(account, () => hashedRequest(request()), signal),
    reevaluate: (account) => registry.reevaluate(account),
    status: (account) => registry.ensure(account).status(),
    viewerStatus: (account, viewer) => registry.viewerStatus(account, hashedViewer(viewer)),
    refresh: (account) => registry.ensure(account).refresh(),
    delaysOther: (account, starter, other) =>
      registry.delaysOther(account, hashed(starter), hashed(other)),
    canStart: (account, candidate) => registry.canStart(account, hashed(candidate)),
    explainWait: (account, viewer, priority) =>
      registry.explainWait(account, hashedViewer(viewer), priority),
    shortage: (account, viewer, required) =>
      registry.shortage(account, hashedViewer(viewer), required),
    queueDepths: (account) => registry.queueDepths(account),
    isShared: () =>
      cluster.mode() === 'distributed' && [...windows.values()].every((each) => each.isShared()),
    close() {
      registry.close();
      cluster.close();
      windows.clear();
    },
  };
}
