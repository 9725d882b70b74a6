import type { Clock } from '../../lib/clock.ts';
import type { Dependency } from '../../lib/dependencyTracker.ts';
import { UpstreamError } from '../errors.ts';
import type { UpstreamContext } from '../pipeline.ts';
import type { CacheType, CacheTypeDescriptor, FindEntity, StoredCacheType } from './cacheTypes.ts';
import { fromNegativeEntry, isValidEntry, isNegativeEntry } from './cacheTypes.ts';
import type { CacheEntry, EntityStore } from './entityStore.ts';
import type { RedisCacheEntry } from './redisEntries.ts';

/** What all operations share. */
export interface CacheReaderOptions {
  readonly store: EntityStore;
  readonly clock: Clock;
  readonly staleIfErrorMs: number;
  readonly ttlMsOf: (type: CacheTypeDescriptor, value: unknown) => number;
}

/** The entries and errors of one request, by key. */
export interface FetchedEntries {
  readonly entries: ReadonlyMap<string, CacheEntry>;
  readonly errors: ReadonlyMap<string, UpstreamError>;
}

/** The expiry of a value: that of the entry that expires first. */
export interface CacheExpiry {
  readonly expiresAtMs: number;
  readonly ttlMs: number;
}

/** The entry of a name, with the dependency of a response that is built from it. */
interface Lookup {
  readonly entry: CacheEntry | undefined;
  /** Undefined when the response must not be cached. */
  readonly dependency: Dependency | undefined;
}

type EntryLookup = (type: CacheTypeDescriptor, name: string) => Lookup;

interface Reference {
  readonly type: StoredCacheType;
  readonly id: string;
}

/** The entities that a stored value refers to: those that its type looks up to deserialize it. */
function referencesOf(type: CacheType<unknown>, { value }: CacheEntry): Reference[] {
  const references: Reference[] = [];
  type.deserialize(value, (memberType, id) => {
    references.push({ type: memberType, id });
    return undefined;
  });
  return references;
}

const uncacheable = (entry: CacheEntry | undefined): Lookup => ({ entry, dependency: undefined });

/** Decides which entries one operation may be shown, and denormalizes them. */
export class CacheReader {
  readonly #settings: CacheReaderOptions;
  readonly #context: UpstreamContext;
  /** The logical time at which the operation started. */
  readonly startSequence: number;
  readonly #prefixes = new Map<string, string>();

  constructor(settings: CacheReaderOptions, context: UpstreamContext) {
    this.#settings = settings;
    this.#context = context;
    this.startSequence = settings.store.invalidations.sequence;
  }

  /** The prefix of a type's keys, which is also the tag of its entries. */
  prefixOf({ name }: CacheTypeDescriptor): string {
    const known = this.#prefixes.get(name);
    if (known !== undefined) return known;
    const prefix = `${this.#context.account}:${name}:`;
    this.#prefixes.set(name, prefix);
    return prefix;
  }

  keyOf(type: CacheTypeDescriptor, name: string): string {
    return this.prefixOf(type) + name;
  }

  /** The tag that an entry depends on: its parent entity, or its whole type. */
  tagOf(type: CacheTypeDescriptor, name: string): string {
    const parent = type.dependsOn?.(name);
    return parent === undefined ? this.prefixOf(type) : this.keyOf(parent.type, parent.id);
  }

  /** A value whose entries are fresh or were fetched for this operation, or a cached `notFound` error. */
  getFresh<Value>(type: CacheType<Value>, name: string): Value | UpstreamError | undefined {
    return this.#read(type, name, this.#findFresh);
  }

  /** When a value expires. Undefined if it is not cached, or a `notFound` error. */
  expiryOf(type: CacheType<unknown>, name: string): CacheExpiry | undefined {
    let expiry: CacheExpiry | undefined;
    const value = this.#read(type, name, (entryType, entryName) => {
      const { entry } = this.#findFresh(entryType, entryName);
      if (entry !== undefined) {
        const ttlMs = this.#settings.ttlMsOf(entryType, entry.value);
        const expiresAtMs = entry.readAt + ttlMs;
        if (expiresAtMs < (expiry?.expiresAtMs ?? Infinity)) expiry = { expiresAtMs, ttlMs };
      }
      return uncacheable(entry);
    });
    return value instanceof UpstreamError || value === undefined ? undefined : expiry;
  }

  /** Stale-if-error: a value that has not been invalidated, with the age of its oldest entry. Never while invalidations may be missed. */
  getStale<Value>(type: CacheType<Value>, name: string): { value: Value; ageMs: number } | null {
    const { store, clock, staleIfErrorMs } = this.#settings;
    if (staleIfErrorMs === 0 || this.#context.bypassesCache || store.isShared() === false)
      return null;
    const entry = store.find(this.keyOf(type, name))?.entry;
    if (entry === undefined || !this.#isUnmodified(type, name, entry)) return null;
    let oldest = Infinity;
    const value = this.#read(type, name, (entryType, entryName) => {
      const found = store.find(this.keyOf(entryType, entryName))?.entry;
      const isUsable =
        found !== undefined &&
        clock.monotonic() - found.readAt <= staleIfErrorMs &&
        found.sequence >= store.invalidations.sequenceOf(this.tagOf(entryType, entryName));
      if (isUsable) oldest = Math.min(oldest, found.readAt);
      return uncacheable(isUsable ? found : undefined);
    });
    if (value === undefined || value instanceof UpstreamError) return null;
    return { value, ageMs: Math.max(0, Math.round(clock.monotonic() - oldest)) };
  }

  /** The newest of what a request returned and what is stored; if entities of the latter were evicted, the former. */
  getFetched<Value>({ entries, errors }: FetchedEntries, type: CacheType<Value>, name: string) {
    return (
      errors.get(this.keyOf(type, name)) ??
      this.#read(type, name, (entryType, entryName) => {
        const key = this.keyOf(entryType, entryName);
        const fetched = entries.get(key);
        const stored = this.#settings.store.find(key)?.entry;
        const isStoredNewer =
          stored !== undefined &&
          stored.sequence > (fetched?.sequence ?? 0) &&
          // A webhook patch has a new sequence, but its other fields are as old as the read.
          (stored.sourceUpdatedAt === undefined || !this.#isExpired(entryType, stored));
        return uncacheable(isStoredNewer ? stored : fetched);
      }) ??
      this.#read(type, name, (entryType, entryName) =>
        uncacheable(entries.get(this.keyOf(entryType, entryName))),
      )
    );
  }

  /** Copies the entries of names, and needed entities they refer to, from Redis. Returns the epoch for `EntityStore.storeInRedis`. */
  async hydrate(
    type: CacheType<unknown>,
    names: readonly string[],
    isNeeded = (reference: Reference) =>
      this.#findFresh(reference.type, reference.id).entry === undefined,
  ): Promise<string | undefined> {
    const { entries, epoch } = await this.#hydrateEntries(type, names);
    const references = entries.flatMap((entry) =>
      entry === undefined ? [] : referencesOf(type, entry),
    );
    const missing = references.filter(isNeeded);
    const [first] = missing;
    if (first !== undefined)
      await this.#hydrateEntries(first.type, [...new Set(missing.map(({ id }) => id))]);
    return epoch;
  }

  /** The only way from an entry to its value, so that no read escapes the dependency tracker. */
  #read<Value>(
    type: CacheType<Value>,
    name: string,
    lookUp: EntryLookup,
  ): Value | UpstreamError | undefined {
    const entry = this.#track(lookUp(type, name));
    if (entry === undefined) return undefined;
    if (isNegativeEntry(entry.value)) return fromNegativeEntry(entry.value);
    const find: FindEntity = (memberType, id) => {
      const member = this.#track(lookUp(memberType, id));
      return member === undefined ? undefined : memberType.deserialize(member.value, find);
    };
    return type.deserialize(entry.value, find);
  }

  #track({ entry, dependency }: Lookup): CacheEntry | undefined {
    const { tracker } = this.#context;
    if (dependency === undefined) tracker.markUncacheable();
    else tracker.track(dependency);
    return entry;
  }

  readonly #findFresh: EntryLookup = (type, name) => {
    const key = this.keyOf(type, name);
    const tag = this.tagOf(type, name);
    const { entry, version } = this.#settings.store.find(key) ?? {};
    const fresh = entry !== undefined && this.#isFresh(type, entry, tag) ? entry : undefined;
    if (!this.#context.tracker.isTracking) return uncacheable(fresh);
    // Any entry that is stored later has another version.
    const [sequence, expiresAtMs] =
      fresh === undefined ? [Infinity, Infinity] : [fresh.sequence, this.#expiresAtMs(type, fresh)];
    return { entry: fresh, dependency: { key, version, tag, sequence, expiresAtMs } };
  };

  #expiresAtMs(type: CacheTypeDescriptor, { readAt, value }: RedisCacheEntry): number {
    return readAt + this.#settings.ttlMsOf(type, value);
  }

  #isExpired(type: CacheTypeDescriptor, entry: RedisCacheEntry): boolean {
    return this.#settings.clock.monotonic() >= this.#expiresAtMs(type, entry);
  }

  #isFresh(type: CacheTypeDescriptor, entry: CacheEntry, tag: string): boolean {
    const { sequence, sourceUpdatedAt } = entry;
    if (sequence < this.#settings.store.invalidations.sequenceOf(tag)) return false;
    // A webhook patch keeps the time of the read: a patched entry does not count as read by this operation.
    const isOwnRead = sequence > this.startSequence && sourceUpdatedAt === undefined;
    return isOwnRead || (!this.#context.bypassesCache && !this.#isExpired(type, entry));
  }

  #isUnmodified(type: CacheType<unknown>, name: string, entry: CacheEntry): boolean {
    const { store } = this.#settings;
    // A write replaces the entry of a member, or removes it; what else it changes, such as the order of lists, has a tag.
    const tags = [
      this.tagOf(type, name),
      ...referencesOf(type, entry).map((member) => this.tagOf(member.type, member.id)),
    ];
    return tags.every((tag) => store.isUnmodifiedSince(tag, entry));
  }

  #hydrateEntries(type: StoredCacheType, names: readonly string[]) {
    const { account, bypassesCache } = this.#context;
    const keys = (bypassesCache ? [] : names).map((name) => ({
      key: this.keyOf(type, name),
      tag: this.tagOf(type, name),
      accepts: isValidEntry(type, name),
    }));
    return this.#settings.store.hydrate(account, keys, (entry) => !this.#isExpired(type, entry));
  }
}
