import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.ts';
import { lruEntryLimit } from '../../lib/entryLimit.ts';

/** A cache entry that agents have requested. Times are monotonic. */
export interface RequestedEntry {
  readonly key: string;
  requestedAt: number;
  /** When it was requested before. */
  previouslyRequestedAt: number;
  /** Undefined until it was seen in the cache. */
  ttlMs: number | undefined;
  /** When to check next whether it must be refreshed. */
  checkAt: number;
  isRefreshing: boolean;
  /** Whether it was popular before the gateway started, and has not been read since. */
  isRestored: boolean;
  /** The request that Redis knows of. */
  sharedRequestAt: number;
}

/** The maximum number of entries, in memory and in Redis. */
export const maxRequestedEntries = 1_000;
/** Entries that were not requested for this time are never refreshed. */
export const maxIdleMs = 300_000;
const maxKeyLength = 1_000;

/** Whether the entry was requested twice within its TTL. */
export const isPopular = (
  { previouslyRequestedAt, ttlMs = 0 }: RequestedEntry,
  now: number,
): boolean => now - previouslyRequestedAt <= Math.min(ttlMs, maxIdleMs);

/** The cache entries that agents have requested last. */
export class RequestedEntries {
  readonly #clock: Clock;
  readonly #entries = new LRUCache<string, RequestedEntry>(lruEntryLimit(maxRequestedEntries));

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  record(key: string): void {
    const now = this.#clock.monotonic();
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#add(key, { requestedAt: now, checkAt: now, isRestored: false });
      return;
    }
    entry.previouslyRequestedAt = entry.requestedAt;
    entry.requestedAt = now;
  }

  /** Adds an entry that was popular on another instance or before the start. */
  restore(key: string, requestedAt: number): void {
    if (this.#entries.peek(key) !== undefined) return;
    this.#add(key, { requestedAt, checkAt: requestedAt, isRestored: true });
  }

  /** Removes entries that were not requested recently, and returns those to check. */
  findDue(now: number): RequestedEntry[] {
    return [...this.#entries.values()].filter((entry) => {
      if (now - entry.requestedAt > maxIdleMs) this.#entries.delete(entry.key);
      else return entry.checkAt <= now && !entry.isRefreshing;
      return false;
    });
  }

  /** When the next entry is to be checked. */
  nextCheckAt(): number {
    let next = Infinity;
    for (const { checkAt, isRefreshing } of this.#entries.values())
      if (!isRefreshing) next = Math.min(next, checkAt);
    return next;
  }

  /** Popular entries that were requested since they were returned the last time. */
  takeUnstored(): RequestedEntry[] {
    return [...this.#entries.values()].filter((entry) => {
      const { requestedAt, sharedRequestAt } = entry;
      if (requestedAt === sharedRequestAt || !isPopular(entry, requestedAt)) return false;
      entry.sharedRequestAt = requestedAt;
      return true;
    });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  #add(key: string, entry: Pick<RequestedEntry, 'requestedAt' | 'checkAt' | 'isRestored'>): void {
    if (key.length > maxKeyLength) return;
    this.#entries.set(key, {
      key,
      previouslyRequestedAt: -Infinity,
      ttlMs: undefined,
      isRefreshing: false,
      sharedRequestAt: entry.isRestored ? entry.requestedAt : -Infinity,
      ...entry,
    });
  }
}
