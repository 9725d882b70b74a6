import { LRUCache } from 'lru-cache';
import { toWallTime } from '../../support/clock.ts';
import type { Clock } from '../../support/clock.ts';
import { isProvenUndone } from '../errors.ts';
import { createHistory } from './history.ts';
import { clockSkewMs, createMemory } from './memory.ts';
import type { Entry } from './memory.ts';
import type { ReadKey, SharedKey } from './sharedEntries.ts';
import type { OnChange, SharedMemory } from './sharedMemory.ts';

/** An entry with its key and how long it may be kept. */
export interface Keepsake extends SharedKey {
  readonly entry: Entry;
  readonly lifeMs: number;
}

export interface KnowledgeOptions {
  readonly maxBytes: number;
  readonly clock: Clock;
  /** What this instance shares with others, if anything. */
  readonly share?: (onChange: OnChange) => SharedMemory;
}

/** The changes that are remembered one by one. What was read before the last one that was evicted counts as changed. */
const maxChanges = 10_000;

/** The key of all of a kind is that of one without its id. */
const isSweep = (key: string): boolean => key.endsWith(':');

/** When something last changed, in the order of things and by the monotonic clock. */
interface Change {
  readonly order: number;
  readonly at: number;
}

/** An entry as it is after something has been told of it. */
export type Revision = Omit<Entry, 'order'> & { readonly lifeMs: number };

/** What this instance remembers and what it shares, kept in the order in which things happened. */
export function createKnowledge({ maxBytes, clock, share }: KnowledgeOptions) {
  const memory = createMemory(maxBytes);
  const history = createHistory();
  let forgotten: Change | undefined;
  const changes = new LRUCache<string, Change>({
    max: maxChanges,
    dispose(change, _key, reason) {
      if (reason === 'evict') forgotten = change;
    },
  });
  /** The same of whole kinds, which are few. */
  const sweeps = new Map<string, Change>();
  function forgetAll(): void {
    history.changeAll();
    memory.clear();
  }

  const shared = share?.((key) => {
    if (key === 'all') {
      forgetAll();
    } else {
      change(key);
      memory.delete(key);
    }
  });

  function change(key: string): Change {
    const latest = { order: history.change(key), at: clock.monotonic() };
    (isSweep(key) ? sweeps : changes).set(key, latest);
    return latest;
  }

  const changeOf = (key: string): Change | undefined =>
    isSweep(key) ? sweeps.get(key) : (changes.peek(key) ?? forgotten);

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
    find: memory.find,
    /** A number that no other entry ever had. */
    versionOf: memory.versionOf,
    /** The latest change of what is under the key; of one that was evicted, a later change of something else. */
    changeOf,
    /** Whether it is certain that what is under the key has not changed since the entry was read. */
    isUnchangedSince(key: string, { order, at }: Entry): boolean {
      const change = changeOf(key);
      // What another instance read has been taken over in an order that says nothing of when it was read.
      return change === undefined || (order > change.order && at > change.at);
    },
    settle,

    /** Done when this instance has heard of every change that came before. */
    hearAll: (): Promise<void> | undefined => shared?.hearAll(),

    /** Takes over what other instances know, unless `isGood` says otherwise, in the order of the keys. */
    async recall(
      tenant: string,
      keys: readonly ReadKey[],
      isGood: (entry: Omit<Entry, 'order'>) => boolean,
    ): Promise<{ readonly entries: readonly (Entry | undefined)[]; readonly generation?: string }> {
      if (shared === undefined) return { entries: [] };
      const order = history.begin();
      const { entries, generation } = await shared.get(tenant, keys);
      const settled = keys.map(({ key }, index) => {
        const entry = entries[index];
        if (entry === undefined || !isGood(entry)) return undefined;
        const known = memory.get(key);
        // What was read meanwhile is newer than what was shared before.
        if (known !== undefined && known.at >= entry.at) return known;
        return settle(key, { ...entry, order });
      });
      history.end(order);
      return { entries: settled, ...(generation === undefined ? {} : { generation }) };
    },

    /** Tells other instances what was read, but nothing that has changed since, there or here. */
    publish(tenant: string, generation: string | undefined, read: readonly Keepsake[]): void {
      const news = read.filter(({ key, entry }) => !history.hasChangedSince(entry.order, key));
      if (generation !== undefined && news.length > 0) void shared?.put(tenant, generation, news);
    },

    /**
     * Runs a change of what is under the key, and is done when all instances have been told of it. `run` reports when a request is sent; a
     * change that fails before that affects nothing.
     */
    async change<Value>(
      { tenant, key, around }: SharedKey & { readonly tenant: string },
      run: (sent: () => void) => Promise<Value>,
      lifeMsOf: (value: Value) => number,
    ): Promise<Value> {
      const found = await shared?.get(tenant, []);
      const began = history.begin();
      const at = clock.monotonic();
      let sent = 0;
      try {
        const value = await run(() => {
          sent += 1;
        });
        // Of two changes that cross, nobody knows which was the last.
        const isSole = !history.hasChangedSince(began, key);
        const { order, at: endedAt } = change(key);
        // It is as old as the write, but a webhook may be of a change that came before it.
        const entry = { value, order, at, asOf: toWallTime(clock, endedAt) + clockSkewMs };
        if (isSole) memory.set(key, entry);
        else memory.delete(key);
        const generation = isSole ? found?.generation : undefined;
        const lifeMs = Math.max(1, Math.ceil(lifeMsOf(value) - (endedAt - at)));
        await shared?.change(
          tenant,
          key,
          generation === undefined ? undefined : { ...entry, around, generation, lifeMs },
        );
        return value;
      } catch (error) {
        if (sent === 0 || isProvenUndone(error)) throw error;
        // It may have happened all the same.
        change(key);
        memory.delete(key);
        await shared?.change(tenant, key);
        throw error;
      } finally {
        history.end(began);
      }
    },

    /**
     * Takes in that something has happened to what is under the key, and is done when all instances have been told. What is kept stays
     * only as `revise` gives it back.
     */
    async learn(
      { tenant, key, around, accepts }: ReadKey & { readonly tenant: string },
      revise: (entry: Omit<Entry, 'order'>) => Revision | undefined,
    ): Promise<void> {
      const began = history.begin();
      const isUndisturbed = () =>
        !history.hasChangedSince(began, key) && !history.hasChangedSince(began, around);
      try {
        await shared?.hearAll();
        const found = await shared?.get(tenant, [{ key, around, accepts }]);
        const own = memory.get(key);
        const kept =
          own !== undefined && own.order > (changeOf(around)?.order ?? 0) ? own : undefined;
        const [base] = [kept, found?.entries[0]]
          .flatMap((entry) => entry ?? [])
          .toSorted((a, b) => b.at - a.at);
        const revised = base !== undefined && isUndisturbed() ? revise(base) : undefined;
        const { order } = change(key);
        if (revised === undefined) memory.delete(key);
        else memory.set(key, { ...revised, order });
        const generation = found?.generation;
        const isToBeShared = revised !== undefined && generation !== undefined;
        await shared?.change(
          tenant,
          key,
          isToBeShared ? { ...revised, around, generation } : undefined,
        );
      } finally {
        history.end(began);
      }
    },

    /** Is done when all instances have been told that what is under the key is no longer good. */
    async forget(tenant: string, key: string): Promise<void> {
      change(key);
      memory.delete(key);
      await shared?.change(tenant, key);
    },

    /** Nothing that this process remembers or is reading is good any more; what Redis keeps is not touched. */
    forgetAll,

    /** Whether it is shared at this moment; null where it is not meant to be. */
    isShared: (): boolean | null => shared?.isUp() ?? null,
    bytes: memory.bytes,
    close: () => shared?.close(),
  };
}

export type Knowledge = ReturnType<typeof createKnowledge>;
