import { LRUCache } from 'lru-cache';

const maxNames = 10_000;

/** Tells whether a short name has come before, and remembers the latest. For caches in which nothing that comes once should take a place. */
export function createDoorkeeper(): (name: string) => boolean {
  const names = new LRUCache<string, true>({ max: maxNames });
  return (name) => {
    const hasBeenSeen = names.has(name);
    names.set(name, true);
    return hasBeenSeen;
  };
}
