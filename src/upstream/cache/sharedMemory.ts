import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Clock } from '../../support/clock.ts';
import type { Log } from '../../support/log.ts';
import { guarded } from '../../support/guarded.ts';
import { hasty, listening } from '../../support/redisOptions.ts';
import type { Unexpected } from '../../support/unexpected.ts';
import { reasonOf } from '../redisReason.ts';
import { createEchoes } from './echoes.ts';
import {
  changeScript,
  channel,
  decode,
  decodeChange,
  encode,
  toMonotonic,
  getScript,
  markPrefix,
  prefix,
  putScript,
} from './sharedEntries.ts';
import type { ReadKey, SharedEntry, SharedKey } from './sharedEntries.ts';

/** Told the key of a value that another instance changed, or `all` after a time apart. */
export type OnChange = (key: string) => void;

interface Found {
  readonly entries: readonly (SharedEntry | undefined)[];
  /** Given back to `put`: what was read before a change is then not kept after it. Undefined while Redis is away. */
  readonly generation: string | undefined;
}

/** What is under a key after its change. */
interface Successor extends SharedEntry {
  readonly around: string;
  readonly lifeMs: number;
  readonly generation: string;
}

/** The part of the cache that all instances share. Nothing here ever fails: without Redis it is empty. */
export interface SharedMemory {
  get(tenant: string, keys: readonly ReadKey[]): Promise<Found>;
  put(
    tenant: string,
    generation: string,
    entries: readonly (SharedKey & { entry: SharedEntry; lifeMs: number })[],
  ): Promise<void>;
  /** Tells all instances, and is done when Redis has passed it on. Without an entry the key is forgotten. */
  change(tenant: string, key: string, entry?: Successor): Promise<void>;
  /** Done when every change that came before has been passed to `onChange`. */
  hearAll(): Promise<void>;
  isUp(): boolean;
  close(): void;
}

/** The marks that the keys depend on, each once, and for each key the number of its mark, as scripts count. */
function marksOf(keys: readonly SharedKey[]) {
  const numbers = new Map<string, number>();
  for (const { around } of keys) {
    if (!numbers.has(around)) numbers.set(around, numbers.size + 1);
  }
  return {
    marks: [...numbers.keys()].map((around) => markPrefix + around),
    numberOf: ({ around }: SharedKey): number => numbers.get(around) ?? 0,
  };
}

/** After a command that took too long, Redis is left alone for this time. */
const restMs = 1_000;
/** Longer than any call may be under way. */
const generationMs = 600_000;
const maxUntold = 10_000;

interface Options {
  readonly url: string;
  readonly timeoutMs: number;
  readonly onChange: OnChange;
  readonly clock: Clock;
  readonly log: Log;
  readonly unexpected: Unexpected;
}

export function createSharedMemory({
  url,
  timeoutMs,
  onChange,
  clock,
  log,
  unexpected,
}: Options): SharedMemory {
  const self = randomUUID();
  const redis = new Redis(url, hasty(timeoutMs));
  const listener = new Redis(url, listening);
  let isListening = false;
  const echoes = createEchoes(clock);
  const ownChannel = `${channel}:${self}`;
  let isFull = false;
  let isSlow = false;
  let isClosed = false;
  let wasUp: boolean | undefined;
  /** Keys whose change Redis was not there to pass on; they are told before it is trusted again. */
  const untold = new Map<string, string>();
  let isUntoldTooLong = false;

  const isReached = () => redis.status === 'ready' && isListening && !isSlow;
  const hasUntold = () => untold.size > 0 || isUntoldTooLong;
  const isUp = () => isReached() && !hasUntold();

  function note(isUpNow: boolean, cause?: unknown): void {
    if (wasUp === isUpNow) return;
    wasUp = isUpNow;
    if (isUpNow) log.info('Redis is there: the cache is shared');
    else log.warn('Redis is away: this instance goes on from its own memory', reasonOf(cause));
  }

  /** Asks every now and then until Redis answers and knows what it missed. */
  function probe(): void {
    clock.after(restMs, () => {
      void recover();
    });
  }

  let isRecovering = false;
  async function recover(): Promise<void> {
    if (isClosed || isRecovering || redis.status !== 'ready') return;
    isRecovering = true;
    try {
      await redis.ping();
      await tellUntold();
      isSlow = false;
      if (isUp()) note(true);
    } catch {
      isSlow = true;
      probe();
    } finally {
      isRecovering = false;
    }
  }

  const isOutOfMemory = (error: unknown) => String(error).includes('OOM');

  async function attempt<Result>(command: () => Promise<Result>): Promise<Result | undefined> {
    if (!isUp()) {
      note(false);
      return undefined;
    }
    try {
      const result = await command();
      note(!isFull);
      return result;
    } catch (error) {
      note(false, error);
      if (isOutOfMemory(error)) isFull = true;
      else if (!isSlow) {
        isSlow = true;
        probe();
      }
      return undefined;
    }
  }

  async function forgetAll(): Promise<void> {
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1_000 })) {
      const found: readonly unknown[] = Array.isArray(keys) ? keys : [];
      if (found.length > 0) await redis.unlink(found.map(String));
    }
    await redis.publish(channel, `${self} all`);
  }

  async function tellUntold(): Promise<void> {
    if (isUntoldTooLong) {
      await forgetAll();
      isUntoldTooLong = false;
      untold.clear();
    }
    for (const [key, tenant] of untold) {
      untold.delete(key);
      try {
        await tell(tenant, key);
      } catch (error) {
        untold.set(key, tenant);
        throw error;
      }
    }
  }

  function tell(tenant: string, key: string, entry?: Successor) {
    const kept = entry === undefined ? [] : [entry.generation, encode(entry, clock), entry.lifeMs];
    return redis.eval(
      changeScript,
      4,
      `${prefix}generation:${tenant}`,
      prefix + key,
      markPrefix + key,
      markPrefix + (entry?.around ?? key),
      randomUUID(),
      generationMs,
      channel,
      self,
      ...kept,
    );
  }

  /** Operations that ask in the same moment share one answer. */
  let hearing: Promise<void> | undefined;
  async function hear(): Promise<void> {
    const isHeard = await attempt(() =>
      // Redis delivers to one connection in order: whatever was told before comes before the echo.
      echoes.send((word) => redis.publish(ownChannel, word)),
    );
    if (isHeard === false) onChange('all');
  }

  const onError = (error: unknown) => note(false, error);
  redis.on('error', onError);
  listener.on('error', onError);
  function receive(from: string, message: string): void {
    if (from === ownChannel) {
      if (!echoes.heard(message)) unexpected.report('echo');
      return;
    }
    const change = decodeChange(message);
    if (change === undefined) unexpected.report('change');
    else if (change.sender !== self) onChange(change.key);
  }
  listener.on('message', guarded({ log, name: 'cache message' }, receive));
  const onClose = () => {
    if (!isClosed) note(false);
  };
  redis.on('close', onClose);
  listener.on('close', () => {
    isListening = false;
    onClose();
  });
  listener.on('ready', () => {
    listener.subscribe(channel, ownChannel).then(() => {
      // What was told while nobody listened is unknown.
      onChange('all');
      isListening = true;
      if (isUp()) note(true);
    }, onError);
  });
  redis.on('ready', () => {
    void recover();
  });

  return {
    isUp: () => isUp() && !isFull,

    async get(tenant, keys) {
      const texts = await attempt(async () => {
        const { marks, numberOf } = marksOf(keys);
        const names = [`${prefix}generation:${tenant}`, ...marks];
        const found = await redis.eval(
          getScript,
          names.length + keys.length,
          ...names,
          ...keys.map(({ key }) => prefix + key),
          randomUUID(),
          generationMs,
          marks.length,
          ...keys.map(numberOf),
        );
        return Array.isArray(found)
          ? found.map((text) => (typeof text === 'string' ? text : null))
          : [];
      });
      if (texts === undefined) return { entries: keys.map(() => undefined), generation: undefined };
      const [generation, ...entries] = texts;
      if (generation === null || generation === undefined) isFull = true;
      return {
        entries: keys.map((key, index) => {
          const text = entries[index];
          if (text === null || text === undefined) return undefined;
          const entry = decode(text, key);
          if (entry === undefined) unexpected.report('entry');
          return entry && toMonotonic(entry, clock);
        }),
        generation: generation ?? undefined,
      };
    },

    hearAll() {
      hearing ??= Promise.resolve().then(() => {
        hearing = undefined;
        return hear();
      });
      return hearing;
    },

    async put(tenant, generation, entries) {
      const { marks, numberOf } = marksOf(entries);
      const names = [`${prefix}generation:${tenant}`, ...marks];
      await attempt(async () => {
        await redis.eval(
          putScript,
          names.length + entries.length,
          ...names,
          ...entries.map(({ key }) => prefix + key),
          randomUUID(),
          generationMs,
          marks.length,
          generation,
          ...entries.flatMap((kept) => [numberOf(kept), encode(kept.entry, clock), kept.lifeMs]),
        );
        isFull = false;
      });
    },

    async change(tenant, key, entry) {
      const told = await attempt(() => tell(tenant, key, entry));
      if (told !== undefined) return;
      if (untold.size < maxUntold) untold.set(key, tenant);
      else isUntoldTooLong = true;
      if (isReached()) void recover();
    },

    close() {
      isClosed = true;
      redis.disconnect();
      listener.disconnect();
    },
  };
}
