import type { Clock } from '../../lib/clock.ts';
import { DependencyTracker } from '../../lib/dependencyTracker.ts';
import { runGuarded } from '../../observability/guarded.ts';
import type { Log } from '../../observability/log.ts';
import { hashedName } from '../../redis/keys.ts';
import type { CacheExpiry } from '../cache/cacheReader.ts';
import type { ScopedCache } from '../cache/scopedCache.ts';
import type { Upstream, UpstreamClient } from '../client.ts';
import type { EntityLocks } from '../entityLocks.ts';
import { isNotFound, UpstreamError } from '../errors.ts';
import type { ChargeCandidate, RateLimiter } from '../rateLimit/limiter.ts';
import type { RedisConnections } from '../../redis/connection.ts';
import { RedisPopularity } from './redisPopularity.ts';
import type { RefreshableType } from './refreshableType.ts';
import { RefreshableTypes } from './refreshableType.ts';
import type { RequestedEntries, RequestedEntry } from './requestedEntries.ts';
import { isPopular } from './requestedEntries.ts';

/**
 * What became of entries that were due: read again, not read because of an error, read by another instance meanwhile, or not read because
 * there were too few idle calls or the circuit was open.
 */
type RefreshOutcome = 'refreshed' | 'failed' | 'otherInstance' | 'quota' | 'circuitOpen';

interface RefreshAheadOptions {
  readonly account: string;
  readonly apiKey: string;
  readonly requested: RequestedEntries;
  readonly client: Pick<UpstreamClient, 'forOperation' | 'isCircuitOpen'>;
  readonly rateLimiter: RateLimiter;
  /** What the sources can refresh, by calls of this upstream. */
  readonly typesOf: (upstream: Upstream) => readonly RefreshableType[];
  readonly locks: EntityLocks;
  /** Undefined if there is one instance. */
  readonly redis: RedisConnections | undefined;
  /** The maximum duration of a refresh. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** An entry to refresh. */
interface DueEntry {
  readonly entry: RequestedEntry;
  readonly refreshable: RefreshableType;
  readonly name: string;
  /** -Infinity if it is not cached. */
  readonly expiresAtMs: number;
}

/** The cache, and the types that are refreshed, as one refresh uses them. */
interface RefreshScope {
  readonly cache: ScopedCache;
  readonly types: RefreshableTypes;
}

const maxConcurrentRefreshes = 4;
const minCheckIntervalMs = 50;
const maxCheckIntervalMs = 1_000;

/** How long before the expiry an entry is due, as a share of its TTL. Lists are due before the entities they refer to. */
const leadTimes = {
  list: { share: 0.3, maxMs: 10_000 },
  entity: { share: 0.2, maxMs: 8_000 },
} as const;

/** How long other instances do not refresh an entry, as a share of its TTL: less than the time until the next refresh. */
const lockShare = 0.5;
const defaultLockMs = 2_500;

const gatewayCandidate: ChargeCandidate = {
  viewer: { key: 'refresh-ahead', class: 'gateway' },
  priority: 'background',
};

function dueAt({ isList }: RefreshableType, { expiresAtMs, ttlMs }: CacheExpiry): number {
  const { share, maxMs } = isList ? leadTimes.list : leadTimes.entity;
  return expiresAtMs - Math.min(maxMs, share * ttlMs);
}

/** Lists first, because the entities they refer to need no refresh of their own then. */
const byUrgency = (one: DueEntry, other: DueEntry): number =>
  Number(other.refreshable.isList) - Number(one.refreshable.isList) ||
  one.expiresAtMs - other.expiresAtMs;

/** Divides entries into refreshes: each reads entries of one type. */
function batchesOf(due: readonly DueEntry[]): DueEntry[][] {
  const batches: DueEntry[][] = [];
  const open = new Map<RefreshableType, DueEntry[]>();
  for (const each of due) {
    const batch = open.get(each.refreshable);
    if (batch !== undefined && batch.length < each.refreshable.maxNames) {
      batch.push(each);
      continue;
    }
    const added = [each];
    open.set(each.refreshable, added);
    batches.push(added);
  }
  return batches;
}

/** An object that no longer exists is cached as such. */
function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

/** Refreshes popular cache entries shortly before they expire, with calls that no viewer needs. */
export class RefreshAhead {
  readonly #options: RefreshAheadOptions;
  readonly #running = new Set<AbortController>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #outcomes: Record<RefreshOutcome, number> = {
    refreshed: 0,
    failed: 0,
    otherInstance: 0,
    quota: 0,
    circuitOpen: 0,
  };
  readonly #popularity: RedisPopularity | undefined;
  #isStopped = false;
  #cancelTimer: () => void = () => undefined;

  constructor(options: RefreshAheadOptions) {
    this.#options = options;
    const { redis } = options;
    const { types } = this.#open(new AbortController().signal);
    this.#popularity = redis && new RedisPopularity({ ...options, redis, types });
  }

  start(): void {
    this.#schedule();
  }

  outcomes(): Readonly<Record<RefreshOutcome, number>> {
    return this.#outcomes;
  }

  /** Aborts running refreshes. Resolves when they have ended and the popular entries are stored in Redis. */
  async stop(): Promise<void> {
    this.#cancelTimer();
    this.#isStopped = true;
    for (const refresh of this.#running)
      refresh.abort(new UpstreamError('unavailable', 'The gateway is stopping.'));
    await Promise.all(this.#tasks);
    await this.#popularity?.share();
  }

  #schedule(): void {
    this.#cancelTimer();
    if (this.#isStopped) return;
    const { clock, requested } = this.#options;
    const untilDue = requested.nextCheckAt() - clock.monotonic();
    const delayMs = Math.min(maxCheckIntervalMs, Math.max(minCheckIntervalMs, untilDue));
    this.#cancelTimer = clock.after(delayMs, () => {
      this.#run(async () => {
        await this.#popularity?.update();
        this.#refreshDue();
      });
    });
  }

  /** Runs a task that `stop` waits for, then schedules the next check. */
  #run(task: () => Promise<void>): void {
    const running = new Promise<void>((resolve) => {
      runGuarded({ log: this.#options.log, name: 'refresh' }, () => task().finally(resolve));
    }).finally(() => {
      this.#tasks.delete(running);
      this.#schedule();
    });
    this.#tasks.add(running);
  }

  #refreshDue(): void {
    if (this.#isStopped || this.#running.size >= maxConcurrentRefreshes) return;
    const { clock, requested } = this.#options;
    const scope = this.#open(new AbortController().signal);
    const now = clock.monotonic();
    const due = requested
      .findDue(now)
      .flatMap((entry) => this.#check(entry, scope) ?? [])
      .toSorted(byUrgency);
    for (const batch of batchesOf(due)) {
      if (this.#running.size < maxConcurrentRefreshes) this.#startRefresh(batch);
      else for (const { entry } of batch) entry.checkAt = now;
    }
  }

  #startRefresh(batch: readonly DueEntry[]): void {
    const { clock, timeoutMs } = this.#options;
    const refresh = new AbortController();
    this.#running.add(refresh);
    for (const { entry } of batch) entry.isRefreshing = true;
    const cancelTimeout = clock.after(timeoutMs, () =>
      refresh.abort(new UpstreamError('timeout', 'The refresh has taken too long.')),
    );
    this.#run(async () => {
      try {
        await this.#refreshUnlessCopied(batch, refresh.signal);
      } finally {
        cancelTimeout();
        this.#running.delete(refresh);
        for (const { entry } of batch) entry.isRefreshing = false;
      }
    });
  }

  /** Another instance may have refreshed the entries, or be about to. */
  async #refreshUnlessCopied(batch: readonly DueEntry[], signal: AbortSignal): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    const { account, client, rateLimiter, locks } = this.#options;
    const scope = this.#open(signal);
    await scope.cache.copyNewer(
      first.refreshable.type,
      batch.map(({ name }) => name),
    );
    const due = batch.flatMap(({ entry }) => this.#check(entry, scope) ?? []);
    this.#outcomes.otherInstance += batch.length - due.length;
    if (due.length === 0 || signal.aborted) return;
    if (client.isCircuitOpen(account)) {
      this.#outcomes.circuitOpen += due.length;
      return;
    }
    if (!rateLimiter.canStart(account, gatewayCandidate)) {
      this.#outcomes.quota += due.length;
      return;
    }
    const locked = await Promise.all(
      due.map(async (each) => {
        const { refreshable, name, entry } = each;
        const lockMs = entry.ttlMs === undefined ? defaultLockMs : lockShare * entry.ttlMs;
        const lock = `refresh:${refreshable.type.name}:${hashedName(name)}`;
        const unlock = await locks.tryAcquire(account, lock, lockMs);
        return unlock === undefined ? [] : [{ ...each, unlock }];
      }),
    );
    await this.#refresh(first.refreshable, locked.flat(), signal);
  }

  async #refresh(
    { type }: RefreshableType,
    batch: readonly (DueEntry & { readonly unlock: () => Promise<void> })[],
    signal: AbortSignal,
  ): Promise<void> {
    if (batch.length === 0) return;
    try {
      const { types } = this.#open(signal, { bypassesCache: true });
      const names = batch.map(({ name }) => name);
      await types.get(type.name)?.refresh(names).catch(ignoreNotFound);
      for (const { entry } of batch) entry.isRestored = false;
      this.#outcomes.refreshed += batch.length;
    } catch (error) {
      // The lock of a refreshed entry expires later, so that no other instance refreshes it again.
      await Promise.all(batch.map(({ unlock }) => unlock()));
      const isRejected = error instanceof UpstreamError && error.kind === 'rateLimited';
      this.#outcomes[isRejected ? 'quota' : 'failed'] += batch.length;
      if (!(error instanceof UpstreamError)) throw error;
    }
  }

  /** Opens the upstream as an operation of the gateway itself. */
  #open(signal: AbortSignal, { bypassesCache } = { bypassesCache: false }): RefreshScope {
    const { client, account, apiKey, clock, timeoutMs, typesOf } = this.#options;
    const upstream = client.forOperation({
      account,
      apiKey,
      viewer: gatewayCandidate.viewer,
      readPriority: 'background',
      signal: () => signal,
      deadlineMs: clock.monotonic() + timeoutMs,
      usage: { calls: 0, cacheHits: 0, shared: 0 },
      bypassesCache,
      tracker: new DependencyTracker(),
    });
    return { cache: upstream.cache, types: new RefreshableTypes(typesOf(upstream)) };
  }

  /** Whether an entry is popular and expires soon, or was popular before the start and is not cached. Otherwise sets its next check. */
  #check(entry: RequestedEntry, { cache, types }: RefreshScope): DueEntry | undefined {
    const { account, requested, clock } = this.#options;
    const found = types.find(account, entry.key);
    if (found === undefined) {
      requested.delete(entry.key);
      return undefined;
    }
    const now = clock.monotonic();
    const expiry = cache.expiryOf(found.refreshable.type, found.name);
    entry.ttlMs = expiry?.ttlMs ?? entry.ttlMs;
    entry.checkAt = now + maxCheckIntervalMs;
    if (expiry === undefined)
      return entry.isRestored ? { entry, ...found, expiresAtMs: -Infinity } : undefined;
    const { expiresAtMs } = expiry;
    const refreshAt = dueAt(found.refreshable, expiry);
    if (now >= refreshAt)
      return entry.isRestored || isPopular(entry, now)
        ? { entry, ...found, expiresAtMs }
        : undefined;
    entry.checkAt = refreshAt;
    entry.isRestored = false;
    return undefined;
  }
}
