import { LRUCache } from 'lru-cache';

const maxNames = 10_000;

/** Returns whether a name was seen before, among the latest names. Admission control for caches: items used only once are not stored. */
export function createDoorkeeper(): (name: string) => boolean {
  const names = new LRUCache<string, true>({ max: maxNames });
  return (name) => {
    const hasBeenSeen = names.has(name);
    names.set(name, true);
    return hasBeenSeen;
  };
}
