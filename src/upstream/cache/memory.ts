import { LRUCache } from 'lru-cache';
import { bytesOf } from './bytes.ts';

/** Something read from the helpdesk, or written to it. */
export interface Entry {
  readonly value: unknown;
  /** When the call that brought it began, in the order of all calls and changes of this process. */
  readonly order: number;
  /** The same on the clock, in milliseconds since the epoch. */
  readonly at: number;
  /** By the helpdesk's clock, the latest told change that it holds; it was read before. */
  readonly asOf?: number;
}

/** What an entry costs beside its value: its key, its place in the order of use, itself. */
const entryBytes = 400;

/** Entries by key, those used longest ago forgotten first when their bytes pass the bound. 0 keeps nothing. */
export function createMemory(maxBytes: number) {
  const entries = maxBytes === 0 ? undefined : new LRUCache<string, Entry>({ maxSize: maxBytes });
  return {
    get: (key: string): Entry | undefined => entries?.get(key),
    set(key: string, entry: Entry): void {
      entries?.set(key, entry, { size: entryBytes + key.length + bytesOf(entry.value) });
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
