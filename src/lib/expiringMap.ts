import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.ts';
import { lruEntryLimit } from './entryLimit.ts';

/** A map whose entries expire. When it is full, the least recently used entry makes room. */
export class ExpiringMap<Value> {
  readonly #entries: LRUCache<string, { readonly value: Value; readonly untilMs: number }>;
  readonly #clock: Clock;

  constructor(clock: Clock, maxEntries: number) {
    this.#clock = clock;
    this.#entries = new LRUCache(lruEntryLimit(maxEntries));
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.untilMs > this.#clock.monotonic() ? entry.value : undefined;
  }

  set(key: string, value: Value, ttlMs: number): void {
    this.#entries.set(key, { value, untilMs: this.#clock.monotonic() + ttlMs });
  }

  deleteWhere(matches: (value: Value, key: string) => boolean): void {
    // A copy, because the entries change.
    for (const [key, { value }] of [...this.#entries.entries()]) {
      if (matches(value, key)) this.#entries.delete(key);
    }
  }

  /** Whether there was such an entry. */
  delete(key: string): boolean {
    return this.#entries.delete(key);
  }
}
