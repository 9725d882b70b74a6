import { LRUCache } from 'lru-cache';
import { limitEntries } from '../../lib/entryLimit.ts';

const maxEntries = 10_000;

/** Compares ids, which are whole numbers of any size. */
export const isLaterId = (id: string, other: string): boolean =>
  id.length === other.length ? id > other : id.length > other.length;

/** The latest objects that this instance has created, so that a lookup does not take one of them for another. */
export class LatestIds {
  readonly #ids = new LRUCache<string, string>(limitEntries(maxEntries));

  record(name: string, id: string): void {
    if (this.isLater(name, id)) this.#ids.set(name, id);
  }

  isLater(name: string, id: string): boolean {
    const latest = this.#ids.get(name);
    return latest === undefined || isLaterId(id, latest);
  }
}
