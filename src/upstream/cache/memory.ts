import { LRUCache } from 'lru-cache';
import { bytesOf } from './bytes.ts';

/** Something read from the helpdesk, or written to it. */
export interface Entry {
  readonly value: unknown;
  /** When the call that brought it began, in the order of all calls and changes of this process. */
  readonly order: number;
  /** The same by the monotonic clock of this process. */
  readonly at: number;
  /** By the helpdesk's clock, the latest told change that it holds; it was read before. */
  readonly asOf?: number;
}

/** By how much the helpdesk's clock and ours may differ. */
export const clockSkewMs = 5_000;

/** An entry and the number that tells it from all others, also from those under the same key. */
export interface Kept {
  readonly entry: Entry;
  readonly version: number;
}

/** What an entry costs beside its value: its key, its place in the order of use, itself. */
const entryBytes = 400;

/** Entries by key, those used longest ago forgotten first when their bytes pass the bound. 0 keeps nothing. */
export function createMemory(maxBytes: number) {
  const entries = maxBytes === 0 ? undefined : new LRUCache<string, Kept>({ maxSize: maxBytes });
  let latest = 0;
  return {
    get: (key: string): Entry | undefined => entries?.get(key)?.entry,
    find: (key: string): Kept | undefined => entries?.get(key),
    /** A number that no other entry ever had. */
    versionOf: (key: string): number | undefined => entries?.get(key)?.version,
    set(key: string, entry: Entry): void {
      latest += 1;
      const size = entryBytes + key.length + bytesOf(entry.value);
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
