import { LRUCache } from 'lru-cache';
import { estimateBytes } from './size.ts';

/** Something read from the helpdesk, or written to it. */
export interface CacheEntry {
  readonly value: unknown;
  /** When the call that brought it began, in the order of all calls and changes of this process. */
  readonly sequence: number;
  /** The same by the monotonic clock of this process. */
  readonly at: number;
  /** By the helpdesk's clock, the latest told change that it holds; it was read before. */
  readonly sourceUpdatedAt?: number;
}

/** By how much the helpdesk's clock and ours may differ. */
export const clockSkewMs = 5_000;

/** An entry and the number that tells it from all others, also from those under the same key. */
export interface VersionedEntry {
  readonly entry: CacheEntry;
  readonly version: number;
}

/** What an entry costs beside its value: its key, its place in the order of use, itself. */
const entryOverheadBytes = 400;

/** Entries by key, those used longest ago forgotten first when their bytes pass the bound. 0 keeps nothing. */
export function createMemoryStore(maxBytes: number) {
  const entries =
    maxBytes === 0 ? undefined : new LRUCache<string, VersionedEntry>({ maxSize: maxBytes });
  let latest = 0;
  return {
    get: (key: string): CacheEntry | undefined => entries?.get(key)?.entry,
    find: (key: string): VersionedEntry | undefined => entries?.get(key),
    /** A number that no other entry ever had. */
    versionOf: (key: string): number | undefined => entries?.get(key)?.version,
    set(key: string, entry: CacheEntry): void {
      latest += 1;
      const size = entryOverheadBytes + key.length + estimateBytes(entry.value);
      entries?.set(key, { entry, version: latest }, { size });
    },
    delete(key: string): void {
      entries?.delete(key);
    },
    clear(): void {
      entries?.clear();
    },
    bytes: (): number => entries?.calculatedSize ?? 0,
  };
}
