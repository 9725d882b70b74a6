import { LRUCache } from 'lru-cache';
import { toWallTime } from '../../lib/clock.ts';
import type { Clock } from '../../lib/clock.ts';
import { isDefinitelyNotApplied } from '../errors.ts';
import { createLogicalClock } from './logicalClock.ts';
import { clockSkewMs, createMemoryStore } from './memoryStore.ts';
import type { CacheEntry } from './memoryStore.ts';
import type { ReadKey, TaggedKey } from './redisEntries.ts';
import type { OnInvalidation, RedisCache } from './redisCache.ts';

/** An entry with its key and how long it may be kept. */
export interface SharedCacheEntry extends TaggedKey {
  readonly entry: CacheEntry;
  readonly ttlMs: number;
}

export interface EntityStoreOptions {
  readonly maxBytes: number;
  readonly clock: Clock;
  /** What this instance shares with others, if anything. */
  readonly createRedisCache?: (onChange: OnInvalidation) => RedisCache;
}

/** The changes that are remembered one by one. What was read before the last one that was evicted counts as changed. */
const maxInvalidations = 10_000;

/** The key of all of a kind is that of one without its id. */
const isTypeTag = (key: string): boolean => key.endsWith(':');

/** When something last changed, in the order of things and by the monotonic clock. */
interface Invalidation {
  readonly sequence: number;
  readonly at: number;
}

/** An entry as it is after something has been told of it. */
export type PatchedEntry = Omit<CacheEntry, 'sequence'> & { readonly ttlMs: number };

/** What this instance remembers and what it shares, kept in the order in which things happened. */
export function createEntityStore({ maxBytes, clock, createRedisCache }: EntityStoreOptions) {
  const memory = createMemoryStore(maxBytes);
  const logicalClock = createLogicalClock();
  let lastEvicted: Invalidation | undefined;
  const invalidations = new LRUCache<string, Invalidation>({
    max: maxInvalidations,
    dispose(recordInvalidation, _key, reason) {
      if (reason === 'evict') lastEvicted = recordInvalidation;
    },
  });
  /** The same of whole kinds, which are few. */
  const typeInvalidations = new Map<string, Invalidation>();
  function forgetAll(): void {
    logicalClock.invalidateAll();
    memory.clear();
  }

  const redisCache = createRedisCache?.((key) => {
    if (key === 'all') {
      forgetAll();
    } else {
      recordInvalidation(key);
      memory.delete(key);
    }
  });

  function recordInvalidation(key: string): Invalidation {
    const invalidation = { sequence: logicalClock.invalidate(key), at: clock.monotonic() };
    (isTypeTag(key) ? typeInvalidations : invalidations).set(key, invalidation);
    return invalidation;
  }

  const invalidationOf = (key: string): Invalidation | undefined =>
    isTypeTag(key) ? typeInvalidations.get(key) : (invalidations.peek(key) ?? lastEvicted);

  /** Keeps an entry unless something newer is known or has happened; gives the newer of the two. */
  function putIfNewer(key: string, entry: CacheEntry): CacheEntry {
    const existing = memory.get(key);
    if (existing !== undefined && existing.sequence > entry.sequence) return existing;
    if (!logicalClock.invalidatedSince(entry.sequence, key)) memory.set(key, entry);
    return entry;
  }

  return {
    currentSequence: logicalClock.now,
    startRequest: logicalClock.startRequest,
    endRequest: logicalClock.endRequest,
    latestInvalidation: logicalClock.latestInvalidation,
    get: memory.get,
    find: memory.find,
    /** A number that no other entry ever had. */
    versionOf: memory.versionOf,
    /** The latest change of what is under the key; of one that was evicted, a later change of something else. */
    invalidationOf,
    /** Whether it is certain that what is under the key has not changed since the entry was read. */
    isUnmodifiedSince(key: string, { sequence, at }: CacheEntry): boolean {
      const recordInvalidation = invalidationOf(key);
      // What another instance read has been taken over in an order that says nothing of when it was read.
      return (
        recordInvalidation === undefined ||
        (sequence > recordInvalidation.sequence && at > recordInvalidation.at)
      );
    },
    putIfNewer,

    /** Done when this instance has heard of every change that came before. */
    awaitFence: (): Promise<void> | undefined => redisCache?.awaitFence(),

    /** Takes over what other instances know, unless `isGood` says otherwise, in the order of the keys. */
    async hydrate(
      account: string,
      keys: readonly ReadKey[],
      isFresh: (entry: Omit<CacheEntry, 'sequence'>) => boolean,
    ): Promise<{ readonly entries: readonly (CacheEntry | undefined)[]; readonly epoch?: string }> {
      if (redisCache === undefined) return { entries: [] };
      const sequence = logicalClock.startRequest();
      const { entries, epoch } = await redisCache.get(account, keys);
      const stored = keys.map(({ key }, index) => {
        const entry = entries[index];
        if (entry === undefined || !isFresh(entry)) return undefined;
        const existing = memory.get(key);
        // What was read meanwhile is newer than what was shared before.
        if (existing !== undefined && existing.at >= entry.at) return existing;
        return putIfNewer(key, { ...entry, sequence });
      });
      logicalClock.endRequest(sequence);
      return { entries: stored, ...(epoch === undefined ? {} : { epoch }) };
    },

    /** Tells other instances what was read, but nothing that has changed since, there or here. */
    publish(
      account: string,
      epoch: string | undefined,
      fetched: readonly SharedCacheEntry[],
    ): void {
      const unmodified = fetched.filter(
        ({ key, entry }) => !logicalClock.invalidatedSince(entry.sequence, key),
      );
      if (epoch !== undefined && unmodified.length > 0)
        void redisCache?.put(account, epoch, unmodified);
    },

    /**
     * Runs a change of what is under the key, and is done when all instances have been told of it. `run` reports when a request is sent; a
     * change that fails before that affects nothing.
     */
    async runWrite<Value>(
      { account, key, tag }: TaggedKey & { readonly account: string },
      write: (sent: () => void) => Promise<Value>,
      ttlMsOf: (value: Value) => number,
    ): Promise<Value> {
      const shared = await redisCache?.get(account, []);
      const startSequence = logicalClock.startRequest();
      const at = clock.monotonic();
      let sent = 0;
      try {
        const value = await write(() => {
          sent += 1;
        });
        // Of two changes that cross, nobody knows which was the last.
        const isOnlyWrite = !logicalClock.invalidatedSince(startSequence, key);
        const { sequence, at: endedAt } = recordInvalidation(key);
        // It is as old as the write, but a webhook may be of a change that came before it.
        const entry = {
          value,
          sequence,
          at,
          sourceUpdatedAt: toWallTime(clock, endedAt) + clockSkewMs,
        };
        if (isOnlyWrite) memory.set(key, entry);
        else memory.delete(key);
        const epoch = isOnlyWrite ? shared?.epoch : undefined;
        const ttlMs = Math.max(1, Math.ceil(ttlMsOf(value) - (endedAt - at)));
        await redisCache?.invalidate(
          account,
          key,
          epoch === undefined ? undefined : { ...entry, tag, epoch, ttlMs },
        );
        return value;
      } catch (error) {
        if (sent === 0 || isDefinitelyNotApplied(error)) throw error;
        // It may have happened all the same.
        recordInvalidation(key);
        memory.delete(key);
        await redisCache?.invalidate(account, key);
        throw error;
      } finally {
        logicalClock.endRequest(startSequence);
      }
    },

    /**
     * Takes in that something has happened to what is under the key, and is done when all instances have been told. What is kept stays
     * only as `revise` gives it back.
     */
    async applyPatch(
      { account, key, tag, accepts }: ReadKey & { readonly account: string },
      patch: (entry: Omit<CacheEntry, 'sequence'>) => PatchedEntry | undefined,
    ): Promise<void> {
      const startSequence = logicalClock.startRequest();
      const isUnmodified = () =>
        !logicalClock.invalidatedSince(startSequence, key) &&
        !logicalClock.invalidatedSince(startSequence, tag);
      try {
        await redisCache?.awaitFence();
        const shared = await redisCache?.get(account, [{ key, tag, accepts }]);
        const local = memory.get(key);
        const current =
          local !== undefined && local.sequence > (invalidationOf(tag)?.sequence ?? 0)
            ? local
            : undefined;
        const [base] = [current, shared?.entries[0]]
          .flatMap((entry) => entry ?? [])
          .toSorted((a, b) => b.at - a.at);
        const patched = base !== undefined && isUnmodified() ? patch(base) : undefined;
        const { sequence } = recordInvalidation(key);
        if (patched === undefined) memory.delete(key);
        else memory.set(key, { ...patched, sequence });
        const epoch = shared?.epoch;
        const isShareable = patched !== undefined && epoch !== undefined;
        await redisCache?.invalidate(
          account,
          key,
          isShareable ? { ...patched, tag, epoch } : undefined,
        );
      } finally {
        logicalClock.endRequest(startSequence);
      }
    },

    /** Is done when all instances have been told that what is under the key is no longer good. */
    async invalidate(account: string, key: string): Promise<void> {
      recordInvalidation(key);
      memory.delete(key);
      await redisCache?.invalidate(account, key);
    },

    /** Nothing that this process remembers or is reading is good any more; what Redis keeps is not touched. */
    forgetAll,

    /** Whether it is shared at this moment; null where it is not meant to be. */
    isShared: (): boolean | null => redisCache?.isAvailable() ?? null,
    bytes: memory.bytes,
  };
}

export type EntityStore = ReturnType<typeof createEntityStore>;
