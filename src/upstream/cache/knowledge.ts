import { LRUCache } from 'lru-cache';
import type { Clock } from '../../support/clock.ts';
import { createHistory } from './history.ts';
import { createMemory } from './memory.ts';
import type { Entry } from './memory.ts';
import type { OnChange, SharedMemory } from './sharedMemory.ts';

/** An entry with its key and how long it may be kept. */
export interface Keepsake {
  readonly key: string;
  readonly entry: Entry;
  readonly lifeMs: number;
}

export interface KnowledgeOptions {
  readonly maxBytes: number;
  readonly clock: Clock;
  /** What this instance shares with others, if anything. */
  readonly share?: (onChange: OnChange) => SharedMemory;
}

/** More than can change while an answer stays fresh. */
const maxChanges = 10_000;

interface Change {
  readonly order: number;
  readonly at: number;
}

/** What this instance remembers and what it shares, kept in the order in which things happened. */
export function createKnowledge({ maxBytes, clock, share }: KnowledgeOptions) {
  const memory = createMemory(maxBytes);
  const history = createHistory();
  const changes = new LRUCache<string, Change>({ max: maxChanges });
  const shared = share?.((key) => {
    if (key === 'all') {
      history.changeAll();
      memory.clear();
    } else {
      change(key);
      memory.delete(key);
    }
  });

  function change(key: string): Change {
    const latest = { order: history.change(key), at: clock.now() };
    changes.set(key, latest);
    return latest;
  }

  /** Keeps an entry unless something newer is known or has happened; gives the newer of the two. */
  function settle(key: string, entry: Entry): Entry {
    const known = memory.get(key);
    if (known !== undefined && known.order > entry.order) return known;
    if (!history.hasChangedSince(entry.order, key)) memory.set(key, entry);
    return entry;
  }

  return {
    now: history.now,
    begin: history.begin,
    end: history.end,
    latestChange: history.latestChange,
    get: memory.get,
    /** The latest change of what is under the key; undefined when there was none for long. */
    changeOf: (key: string): Change | undefined => changes.get(key),
    settle,

    /** Takes over what other instances know, unless `isGood` says otherwise, in the order of the keys. */
    async recall(
      tenant: string,
      keys: readonly string[],
      isGood: (entry: Omit<Entry, 'order'>, index: number) => boolean,
    ): Promise<{ readonly entries: readonly (Entry | undefined)[]; readonly generation?: string }> {
      if (shared === undefined) return { entries: [] };
      const order = history.begin();
      const { entries, generation } = await shared.get(tenant, keys);
      const settled = keys.map((key, index) => {
        const entry = entries[index];
        return entry !== undefined && isGood(entry, index)
          ? settle(key, { ...entry, order })
          : undefined;
      });
      history.end(order);
      return { entries: settled, ...(generation === undefined ? {} : { generation }) };
    },

    /** Tells other instances what was read, unless something has changed since `generation` was given. */
    publish(tenant: string, generation: string | undefined, read: readonly Keepsake[]): void {
      if (generation === undefined || read.length === 0) return;
      void shared?.put(tenant, generation, read);
    },

    /** Something was written; done when all instances have been told. */
    async write(
      tenant: string,
      { key, value, lifeMs }: { key: string; value: unknown; lifeMs: number },
    ): Promise<void> {
      const entry = { value, ...change(key) };
      memory.set(key, entry);
      await shared?.change(tenant, key, { ...entry, lifeMs: Math.max(1, lifeMs) });
    },

    /** Something may have changed; done when all instances have been told. */
    async forget(tenant: string, key: string): Promise<void> {
      change(key);
      memory.delete(key);
      await shared?.change(tenant, key);
    },

    /** Whether it is shared at this moment; null where it is not meant to be. */
    isShared: (): boolean | null => shared?.isUp() ?? null,
    bytes: memory.bytes,
    close: () => shared?.close(),
  };
}
