import type { Clock } from '../../lib/clock.ts';
import type { RequestContext } from '../client.ts';
import { UpstreamError } from '../errors.ts';
import type { CacheType, CacheTypeDescriptor, Stored } from './cacheTypes.ts';
import type { EntityStore } from './entityStore.ts';
import type { CacheEntry } from './memoryStore.ts';
import type { EntryLookup, Read } from './denormalize.ts';
import { acceptsAs } from './denormalize.ts';

interface CacheReaderOptions {
  readonly store: EntityStore;
  readonly clock: Clock;
  readonly staleIfErrorMs: number;
  readonly context: RequestContext;
  /** Where in the order of things the operation began. */
  readonly startSequence: number;
  readonly keyOf: (type: CacheTypeDescriptor, name: string) => string;
  /** What takes a thing along when it changes. */
  readonly tagOf: (type: CacheTypeDescriptor, name: string) => string;
  readonly expiresAtMs: (type: CacheTypeDescriptor, entry: Omit<CacheEntry, 'sequence'>) => number;
  readonly read: Read;
}

export interface StaleValue<Value> {
  readonly value: Value;
  readonly ageMs: number;
}

/** Which of the things that are known an operation may be shown. */
export function createCacheReader(options: CacheReaderOptions) {
  const {
    store,
    clock,
    staleIfErrorMs,
    context,
    startSequence,
    keyOf,
    tagOf,
    expiresAtMs: freshUntilMs,
    read,
  } = options;
  const { account, bypassesCache, tracker } = context;

  function isFresh(type: CacheTypeDescriptor, entry: CacheEntry, tag: string): boolean {
    if (entry.sequence < (store.invalidationOf(tag)?.sequence ?? 0)) return false;
    // What was told since was told of something that may have been read before.
    const isReadByOperation = entry.sequence > startSequence && entry.sourceUpdatedAt === undefined;
    return isReadByOperation || (!bypassesCache && clock.monotonic() < freshUntilMs(type, entry));
  }

  /** An entry that is fresh, or has been read for this very operation. */
  const getFresh: EntryLookup = (type, name) => {
    const key = keyOf(type, name);
    const tag = tagOf(type, name);
    const { entry, version } = store.find(key) ?? {};
    const isShown = entry !== undefined && isFresh(type, entry, tag);
    if (!tracker.isTracking) return { entry: isShown ? entry : undefined, dependency: undefined };
    if (!isShown) {
      // Whatever comes in its place has another version.
      const never = { order: Infinity, expiresAtMs: Infinity };
      return { entry: undefined, dependency: { key, version, tag, ...never } };
    }
    const expiresAtMs = freshUntilMs(type, entry);
    return { entry, dependency: { key, version, tag, order: entry.sequence, expiresAtMs } };
  };

  /** Whether nothing that the entry speaks of has changed since it was read. */
  function isUnmodified(type: CacheType<unknown>, name: string, entry: CacheEntry): boolean {
    const members = type.references?.(entry.value);
    const keys = [
      tagOf(type, name),
      ...(members?.ids.flatMap((id) => [keyOf(members.type, id), tagOf(members.type, id)]) ?? []),
    ];
    return keys.every((key) => store.isUnmodifiedSince(key, entry));
  }

  const hydrate = (type: Stored, names: readonly string[]) =>
    store.hydrate(
      account,
      bypassesCache
        ? []
        : names.map((name) => ({
            key: keyOf(type, name),
            tag: tagOf(type, name),
            accepts: acceptsAs(type, name),
          })),
      (entry) => clock.monotonic() < freshUntilMs(type, entry),
    );

  return {
    getFresh,

    /**
     * What was known of a name not too long ago and has not changed since, for when the helpdesk cannot be asked. Nothing while other
     * instances' changes are not heard of.
     */
    getStale<Value>(type: CacheType<Value>, name: string): StaleValue<Value> | undefined {
      if (staleIfErrorMs === 0 || bypassesCache || store.isShared() === false) return undefined;
      const entry = store.get(keyOf(type, name));
      if (entry === undefined || !isUnmodified(type, name, entry)) return undefined;
      let oldest = Infinity;
      const value = read(type, name, (entryType, entryName) => {
        const entry = store.get(keyOf(entryType, entryName));
        const isShown =
          entry !== undefined &&
          clock.monotonic() - entry.at <= staleIfErrorMs &&
          entry.sequence >= (store.invalidationOf(tagOf(entryType, entryName))?.sequence ?? 0);
        if (isShown) oldest = Math.min(oldest, entry.at);
        return { entry: isShown ? entry : undefined, dependency: undefined };
      });
      if (value === undefined || value instanceof UpstreamError) return undefined;
      return { value, ageMs: Math.max(0, Math.round(clock.monotonic() - oldest)) };
    },

    /** Takes over what other instances know of the names, and of the entities that they stand for. */
    async hydrateFromRedis(
      type: CacheType<unknown>,
      names: readonly string[],
    ): Promise<string | undefined> {
      const { entries, epoch } = await hydrate(type, names);
      const members = entries.flatMap((entry) =>
        entry === undefined ? [] : (type.references?.(entry.value) ?? []),
      );
      const [first] = members;
      if (first !== undefined) {
        const ids = new Set(members.flatMap((member) => member.ids));
        const unknown = [...ids].filter((id) => getFresh(first.type, id).entry === undefined);
        if (unknown.length > 0) await hydrate(first.type, unknown);
      }
      return epoch;
    },
  };
}
