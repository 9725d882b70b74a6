import { LRUCache } from 'lru-cache';
import { toWallTime } from '../../lib/clock.ts';
import type { Clock } from '../../lib/clock.ts';
import { KeyedMutex } from '../../lib/keyedMutex.ts';
import { erasedBy } from './cacheTypes.ts';
import { Invalidations } from './invalidations.ts';
import type { DecodableKey, RedisCacheEntry, TaggedKey } from './redisEntries.ts';
import type { OnInvalidation, RedisCache } from './redisCache.ts';
import { estimateBytes } from './size.ts';

/** A value that was read from HelpCrunch or written to it. `readAt` is when its request started, on the monotonic clock. */
export interface CacheEntry extends RedisCacheEntry {
  /** When its request started, on the logical clock. */
  readonly sequence: number;
}

/** An entry with a number that no other entry ever had. */
interface VersionedEntry {
  readonly entry: CacheEntry;
  readonly version: number;
}

/** A fetched entry to be stored in Redis. */
export interface SharedCacheEntry extends TaggedKey {
  readonly entry: CacheEntry;
  readonly ttlMs: number;
}

/** The value of a key after its invalidation. */
export interface ReplacementValue extends RedisCacheEntry {
  readonly ttlMs: number;
}

/** A write whose result becomes the entry. */
interface StoredWrite<Value> {
  readonly write: () => Promise<Value>;
  /** Whether HelpCrunch may have applied it. */
  readonly wasSent: () => boolean;
  readonly ttlMsOf: (value: Value) => number;
}

interface AccountKey extends TaggedKey {
  readonly account: string;
}

type PatchTarget = AccountKey & DecodableKey;
/** Undefined if the current value is not known. */
type Patch = (entry: RedisCacheEntry) => ReplacementValue | undefined;

/** The entry after all patches; undefined if one of them has no result. */
function patchedBy(
  patches: readonly Patch[],
  entry: RedisCacheEntry | undefined,
): ReplacementValue | undefined {
  let patched: ReplacementValue | undefined;
  for (const patch of patches) {
    const current = patched ?? entry;
    patched = current === undefined ? undefined : patch(current);
    if (patched === undefined) return undefined;
  }
  return patched;
}

/** Erases copies of cached data, and the entity with this id. */
export type OnErasure = (erased: { readonly account: string; readonly id: string }) => void;

export interface EntityStoreOptions {
  readonly maxBytes: number;
  readonly clock: Clock;
  /** The cache that instances share; without it the cache is local. */
  readonly createRedisCache?: (onInvalidation: OnInvalidation) => RedisCache;
}

/** The maximum difference between HelpCrunch's clock and ours. */
export const clockSkewMs = 5_000;

const { signal: neverAborted } = new AbortController();

/** Bytes of an entry without its value: key, LRU bookkeeping, object headers. */
const entryOverheadBytes = 400;

/** The entries of all accounts: an LRU in memory in front of Redis, kept consistent by a logical clock. */
export class EntityStore {
  readonly invalidations: Invalidations;
  readonly #clock: Clock;
  readonly #entries: LRUCache<string, VersionedEntry>;
  readonly #redis: RedisCache | undefined;
  readonly #erasureListeners: OnErasure[] = [];
  readonly #patchQueues = new KeyedMutex();
  /** Patches that are not being applied yet. */
  readonly #waitingPatches = new Map<
    string,
    { readonly patches: Patch[]; readonly done: Promise<void> }
  >();
  #latestVersion = 0;

  constructor({ maxBytes, clock, createRedisCache }: EntityStoreOptions) {
    this.#clock = clock;
    this.invalidations = new Invalidations(clock);
    // No entry fits into one byte.
    this.#entries = new LRUCache({ maxSize: Math.max(1, maxBytes) });
    this.#redis = createRedisCache?.((key) => {
      if (key === 'all') this.invalidateAll();
      else this.#replaceLocally(key, undefined);
    });
  }

  find(key: string): VersionedEntry | undefined {
    return this.#entries.get(key);
  }

  /** Stores an entry unless the key was invalidated meanwhile. Returns the newer of it and the stored entry. */
  putIfNewer(key: string, entry: CacheEntry): CacheEntry {
    const stored = this.find(key)?.entry;
    if (stored !== undefined && stored.sequence > entry.sequence) return stored;
    if (!this.invalidations.isInvalidatedSince(entry.sequence, key)) this.#set(key, entry);
    return entry;
  }

  /** Whether the key was certainly not invalidated since the entry was read. `sequence` does not tell that of an entry from Redis. */
  isUnmodifiedSince(key: string, { sequence, readAt }: CacheEntry): boolean {
    const invalidation = this.invalidations.of(key);
    return (
      invalidation === undefined || (sequence > invalidation.sequence && readAt > invalidation.at)
    );
  }

  /** Resolves when all earlier invalidations of other instances have arrived. */
  awaitFence(): Promise<void> | undefined {
    return this.#redis?.awaitFence();
  }

  /** Copies fresh entries from Redis, in the order of the keys. `epoch` allows `storeInRedis` to store what is fetched now. */
  async hydrate(
    account: string,
    keys: readonly DecodableKey[],
    isFresh: (entry: RedisCacheEntry) => boolean,
  ): Promise<{ readonly entries: readonly (CacheEntry | undefined)[]; readonly epoch?: string }> {
    const sequence = this.invalidations.nextSequence();
    const { entries = [], epoch } = (await this.#redis?.get(account, keys)) ?? {};
    const hydrated = keys.map(({ key }, index) => {
      const entry = entries[index];
      if (entry === undefined || !isFresh(entry)) return undefined;
      const stored = this.find(key)?.entry;
      // Fetched by this instance while Redis was read.
      if (stored !== undefined && stored.readAt >= entry.readAt) return stored;
      return this.putIfNewer(key, { sequence, ...entry });
    });
    return { entries: hydrated, ...(epoch === undefined ? {} : { epoch }) };
  }

  /** Stores fetched entries in Redis, except those that were invalidated meanwhile. */
  storeInRedis(
    account: string,
    epoch: string | undefined,
    fetched: readonly SharedCacheEntry[],
  ): void {
    const current = fetched.filter(
      ({ key, entry }) => !this.invalidations.isInvalidatedSince(entry.sequence, key),
    );
    if (epoch !== undefined && current.length > 0) void this.#redis?.put(account, epoch, current);
  }

  /**
   * Runs a write and replaces the entry in all instances by its result. A write that fails before it is sent leaves the entry, one that
   * fails after removes it.
   */
  async runWrite<Value>(
    target: AccountKey,
    { write, wasSent, ttlMsOf }: StoredWrite<Value>,
  ): Promise<Value> {
    const epoch = this.#redis && (await this.#redis.get(target.account, [])).epoch;
    const sequence = this.invalidations.nextSequence();
    const readAt = this.#clock.monotonic();
    try {
      const value = await write();
      const endedAt = this.#clock.monotonic();
      const replacement = {
        value,
        readAt,
        // Webhooks of changes before the write may arrive after it.
        sourceUpdatedAt: toWallTime(this.#clock, endedAt) + clockSkewMs,
        ttlMs: Math.max(1, Math.ceil(ttlMsOf(value) - (endedAt - readAt))),
      };
      // Of two writes that overlap, the order at HelpCrunch is unknown.
      const isOnlyWrite = !this.invalidations.isInvalidatedSince(sequence, target.key);
      const replaced = this.#replace(target, epoch, isOnlyWrite ? replacement : undefined);
      if (replaced !== undefined) await replaced;
      return value;
    } catch (error) {
      if (wasSent()) await this.invalidate(target.account, target.key);
      throw error;
    }
  }

  /**
   * Replaces an entry in all instances by what `patch` makes of it, or removes it if the current value is not known. Concurrent patches
   * of this instance are applied one after the other, those that wait together. Undefined without Redis: there is nothing to wait for.
   */
  applyPatch(target: PatchTarget, patch: Patch): Promise<void> | undefined {
    const { key } = target;
    if (this.#redis === undefined) {
      this.#replaceLocally(key, patchedBy([patch], this.#current(target)));
      return undefined;
    }
    const waiting = this.#waitingPatches.get(key);
    if (waiting !== undefined) {
      waiting.patches.push(patch);
      return waiting.done;
    }
    const patches = [patch];
    const done = this.#patchQueues.run(key, neverAborted, () => {
      this.#waitingPatches.delete(key);
      return this.#applyPatches(target, patches);
    });
    this.#waitingPatches.set(key, { patches, done });
    return done;
  }

  /** Removes an entry, or expires all of a type, in all instances. Undefined without Redis: there is nothing to wait for. */
  invalidate(account: string, key: string): Promise<void> | undefined {
    this.#replaceLocally(key, undefined);
    return this.#redis?.invalidate(account, key);
  }

  /** Removes the entries of this instance, not those in Redis. */
  invalidateAll(): void {
    this.invalidations.recordAll();
    this.#entries.clear();
  }

  /** Calls the listener whenever cached data is erased, by this instance or another one. */
  onErasure(listener: OnErasure): void {
    this.#erasureListeners.push(listener);
  }

  /** Null without Redis. */
  isShared(): boolean | null {
    return this.#redis?.isAvailable() ?? null;
  }

  bytes(): number {
    return this.#entries.calculatedSize;
  }

  #set(key: string, entry: CacheEntry): void {
    this.#latestVersion += 1;
    const size = entryOverheadBytes + key.length + estimateBytes(entry.value);
    this.#entries.set(key, { entry, version: this.#latestVersion }, { size });
  }

  #replaceLocally(key: string, value: RedisCacheEntry | undefined): void {
    const erased = erasedBy(key);
    if (erased !== undefined) {
      this.invalidateAll();
      for (const listener of this.#erasureListeners) listener(erased);
    }
    const { sequence } = this.invalidations.record(key);
    if (value === undefined) this.#entries.delete(key);
    else this.#set(key, { sequence, ...value });
  }

  async #applyPatches(
    { accepts, ...target }: PatchTarget,
    patches: readonly Patch[],
  ): Promise<void> {
    const { account, key, tag } = target;
    const sequence = this.invalidations.nextSequence();
    await this.awaitFence();
    const { entries = [], epoch } =
      (await this.#redis?.get(account, [{ key, tag, accepts }])) ?? {};
    const [newest] = [this.#current(target), entries[0]]
      .flatMap((entry) => entry ?? [])
      .toSorted((a, b) => b.readAt - a.readAt);
    const isModified = [key, tag].some((each) =>
      this.invalidations.isInvalidatedSince(sequence, each),
    );
    await this.#replace(target, epoch, isModified ? undefined : patchedBy(patches, newest));
  }

  /** The entry in memory, unless its type was invalidated after it was read. */
  #current({ key, tag }: TaggedKey): CacheEntry | undefined {
    const entry = this.find(key)?.entry;
    return entry !== undefined && entry.sequence > this.invalidations.sequenceOf(tag)
      ? entry
      : undefined;
  }

  #replace(
    { account, key, tag }: AccountKey,
    epoch: string | undefined,
    value: ReplacementValue | undefined,
  ): Promise<void> | undefined {
    this.#replaceLocally(key, value);
    const isShareable = value !== undefined && epoch !== undefined;
    return this.#redis?.invalidate(
      account,
      key,
      isShareable ? { ...value, tag, epoch } : undefined,
    );
  }
}
