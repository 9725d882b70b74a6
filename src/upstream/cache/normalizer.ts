import type { Clock } from '../../lib/clock.ts';
import { isNotFound, UpstreamError } from '../errors.ts';
import type { FetchEntities, SendCall } from './entityCache.ts';
import type { RequestWaiters } from './inFlight.ts';
import type { PutEntity, CacheType, CacheTypeDescriptor } from './cacheTypes.ts';
import type { SharedCacheEntry, EntityStore } from './entityStore.ts';
import type { Fetch } from './requestCollapser.ts';
import type { CacheEntry } from './memoryStore.ts';
import type { EntryLookup, Lookup, Read } from './denormalize.ts';

/** What a load brought: entries by key, and the failures of names. */
export interface FetchResult {
  readonly entries: ReadonlyMap<string, CacheEntry>;
  readonly failures: ReadonlyMap<string, UpstreamError>;
}

interface NormalizerOptions {
  readonly store: EntityStore;
  readonly clock: Clock;
  readonly account: string;
  readonly sendFor: (waiters: RequestWaiters) => SendCall;
  readonly prefixOf: (type: CacheTypeDescriptor) => string;
  readonly tagOf: (type: CacheTypeDescriptor, name: string) => string;
  readonly ttlMsOf: (type: CacheTypeDescriptor, value: unknown) => number;
  readonly read: Read;
}

/** The operation has waited for a call, so that its response is not cacheable whatever else it shows. */
const uncacheable = (entry: CacheEntry | undefined): Lookup => ({ entry, dependency: undefined });

/** How an operation's loads take answers apart and put them together again. */
export function createNormalizer(options: NormalizerOptions) {
  const { store, clock, account, sendFor, prefixOf, tagOf, ttlMsOf, read } = options;
  const keyOf = (type: CacheTypeDescriptor, name: string): string => prefixOf(type) + name;

  /** A webhook patch has a later order than its data: the rest of a patched entry is as old as its read. */
  const isCurrent = (type: CacheTypeDescriptor, entry: CacheEntry): boolean =>
    entry.sourceUpdatedAt === undefined ||
    clock.monotonic() < entry.at + ttlMsOf(type, entry.value);

  /** The newest of what a load brought and what is known. */
  const lookUpNewest =
    ({ entries }: FetchResult): EntryLookup =>
    (type, name) => {
      const key = keyOf(type, name);
      const result = entries.get(key);
      const entry = store.get(key);
      const isStoreNewer =
        entry !== undefined && entry.sequence > (result?.sequence ?? 0) && isCurrent(type, entry);
      return uncacheable(isStoreNewer ? entry : result);
    };

  return {
    /** What a load brought of a name. The known may be newer, but not whole any more. */
    readResult: <Value>(result: FetchResult, type: CacheType<Value>, name: string) =>
      result.failures.get(keyOf(type, name)) ??
      read(type, name, lookUpNewest(result)) ??
      read(type, name, (memberType, id) => uncacheable(result.entries.get(keyOf(memberType, id)))),

    createFetcher:
      <Value>(
        type: CacheType<Value>,
        fetch: FetchEntities<Value>,
        epoch: string | undefined,
      ): Fetch<FetchResult> =>
      async (keys, waiters, onStart) => {
        const sequence = store.startRequest();
        onStart(sequence);
        const at = clock.monotonic();
        const entries = new Map<string, CacheEntry>();
        const failures = new Map<string, UpstreamError>();
        const fetched: SharedCacheEntry[] = [];
        const put = (entryType: CacheTypeDescriptor, name: string, value: unknown) => {
          const key = keyOf(entryType, name);
          const entry = { value, sequence, at };
          const ttlMs = ttlMsOf(entryType, value);
          entries.set(key, entry);
          if (store.putIfNewer(key, entry) === entry && ttlMs > 0) {
            fetched.push({ key, tag: tagOf(entryType, name), entry, ttlMs });
          }
        };
        const putEntity: PutEntity = (memberType, entity) => {
          put(memberType, entity.id, memberType.serialize(entity, putEntity));
        };
        try {
          const names = keys.map((key) => key.slice(prefixOf(type).length));
          const values = await fetch(sendFor(waiters), names, putEntity).catch((error: unknown) => {
            if (isNotFound(error) && names.length === 1) return [error];
            throw error;
          });
          for (const [index, name] of names.entries()) {
            const value = values[index] ?? new UpstreamError('notFound', 'It is not there.');
            if (!(value instanceof UpstreamError))
              put(type, name, type.serialize(value, putEntity));
            else if (isNotFound(value)) put(type, name, { notFound: value.details });
            else failures.set(keyOf(type, name), value);
          }
          store.publish(account, epoch, fetched);
          return { entries, failures };
        } finally {
          store.endRequest(sequence);
        }
      },
  };
}
