import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';
import { guarded } from '../../observability/guarded.ts';
import { failFastOptions, subscriberOptions } from '../../redis/clientOptions.ts';
import type { Unexpected } from '../../redis/unexpectedData.ts';
import { redisErrorReason } from '../../redis/errorReason.ts';
import { createFence } from '../../redis/fence.ts';
import {
  invalidateScript,
  invalidationChannel,
  decodeEntry,
  decodeChange,
  encodeEntry,
  toMonotonic,
  getScript,
  tagVersionPrefix,
  cacheKeyPrefix,
  putScript,
} from './redisEntries.ts';
import type { ReadKey, RedisCacheEntry, TaggedKey } from './redisEntries.ts';

/** Told the key of a value that another instance changed, or `all` after a time apart. */
export type OnInvalidation = (key: string) => void;

interface RedisLookup {
  readonly entries: readonly (RedisCacheEntry | undefined)[];
  /** Given back to `put`: what was read before a change is then not kept after it. Undefined while Redis is away. */
  readonly epoch: string | undefined;
}

/** What is under a key after its change. */
interface ReplacementEntry extends RedisCacheEntry {
  readonly tag: string;
  readonly ttlMs: number;
  readonly epoch: string;
}

/** The part of the cache that all instances share. Nothing here ever fails: without Redis it is empty. */
export interface RedisCache {
  get(account: string, keys: readonly ReadKey[]): Promise<RedisLookup>;
  put(
    account: string,
    epoch: string,
    entries: readonly (TaggedKey & { entry: RedisCacheEntry; ttlMs: number })[],
  ): Promise<void>;
  /** Tells all instances, and is done when Redis has passed it on. Without an entry the key is forgotten. */
  invalidate(account: string, key: string, replacement?: ReplacementEntry): Promise<void>;
  /** Done when every change that came before has been passed to `onChange`. */
  awaitFence(): Promise<void>;
  isAvailable(): boolean;
  close(): void;
}

/** The marks that the keys depend on, each once, and for each key the number of its mark, as scripts count. */
function tagVersionKeys(keys: readonly TaggedKey[]) {
  const indexes = new Map<string, number>();
  for (const { tag } of keys) {
    if (!indexes.has(tag)) indexes.set(tag, indexes.size + 1);
  }
  return {
    keys: [...indexes.keys()].map((tag) => tagVersionPrefix + tag),
    indexOf: ({ tag }: TaggedKey): number => indexes.get(tag) ?? 0,
  };
}

/** After a command that took too long, Redis is left alone for this time. */
const cooldownMs = 1_000;
/** Longer than any call may be under way. */
const epochTtlMs = 600_000;
const maxPendingInvalidations = 10_000;

interface RedisCacheOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly onInvalidation: OnInvalidation;
  readonly clock: Clock;
  readonly log: Log;
  readonly unexpected: Unexpected;
}

export function createRedisCache({
  url,
  timeoutMs,
  onInvalidation,
  clock,
  log,
  unexpected,
}: RedisCacheOptions): RedisCache {
  const instanceId = randomUUID();
  const redis = new Redis(url, failFastOptions(timeoutMs));
  const subscriber = new Redis(url, subscriberOptions);
  let isSubscribed = false;
  const fence = createFence(clock);
  const ownChannel = `${invalidationChannel}:${instanceId}`;
  let isFull = false;
  let isSlow = false;
  let isClosed = false;
  let wasAvailable: boolean | undefined;
  /** Keys whose change Redis was not there to pass on; they are told before it is trusted again. */
  const pendingInvalidations = new Map<string, string>();
  let isPendingOverflowed = false;

  const isConnected = () => redis.status === 'ready' && isSubscribed && !isSlow;
  const hasPending = () => pendingInvalidations.size > 0 || isPendingOverflowed;
  const isAvailable = () => isConnected() && !hasPending();

  function logAvailability(isAvailableNow: boolean, cause?: unknown): void {
    if (wasAvailable === isAvailableNow) return;
    wasAvailable = isAvailableNow;
    if (isAvailableNow) log.info('Redis is there: the cache is shared');
    else
      log.warn('Redis is away: this instance goes on from its own memory', redisErrorReason(cause));
  }

  /** Asks every now and then until Redis answers and knows what it missed. */
  function scheduleRecovery(): void {
    clock.after(cooldownMs, () => {
      void recover();
    });
  }

  let isRecovering = false;
  async function recover(): Promise<void> {
    if (isClosed || isRecovering || redis.status !== 'ready') return;
    isRecovering = true;
    try {
      await redis.ping();
      await flushPending();
      isSlow = false;
      if (isAvailable()) logAvailability(true);
    } catch {
      isSlow = true;
      scheduleRecovery();
    } finally {
      isRecovering = false;
    }
  }

  const isOutOfMemory = (error: unknown) => String(error).includes('OOM');

  async function tryCommand<Result>(command: () => Promise<Result>): Promise<Result | undefined> {
    if (!isAvailable()) {
      logAvailability(false);
      return undefined;
    }
    try {
      const result = await command();
      logAvailability(!isFull);
      return result;
    } catch (error) {
      logAvailability(false, error);
      if (isOutOfMemory(error)) isFull = true;
      else if (!isSlow) {
        isSlow = true;
        scheduleRecovery();
      }
      return undefined;
    }
  }

  async function deleteAll(): Promise<void> {
    for await (const keys of redis.scanStream({ match: `${cacheKeyPrefix}*`, count: 1_000 })) {
      const reply: readonly unknown[] = Array.isArray(keys) ? keys : [];
      if (reply.length > 0) await redis.unlink(reply.map(String));
    }
    await redis.publish(invalidationChannel, `${instanceId} all`);
  }

  async function flushPending(): Promise<void> {
    if (isPendingOverflowed) {
      await deleteAll();
      isPendingOverflowed = false;
      pendingInvalidations.clear();
    }
    for (const [key, account] of pendingInvalidations) {
      pendingInvalidations.delete(key);
      try {
        await sendInvalidation(account, key);
      } catch (error) {
        pendingInvalidations.set(key, account);
        throw error;
      }
    }
  }

  function sendInvalidation(account: string, key: string, entry?: ReplacementEntry) {
    const stored = entry === undefined ? [] : [entry.epoch, encodeEntry(entry, clock), entry.ttlMs];
    return redis.eval(
      invalidateScript,
      4,
      `${cacheKeyPrefix}generation:${account}`,
      cacheKeyPrefix + key,
      tagVersionPrefix + key,
      tagVersionPrefix + (entry?.tag ?? key),
      randomUUID(),
      epochTtlMs,
      invalidationChannel,
      instanceId,
      ...stored,
    );
  }

  /** Operations that ask in the same moment share one answer. */
  let pendingFence: Promise<void> | undefined;
  async function runFence(): Promise<void> {
    const isAcknowledged = await tryCommand(() =>
      // Redis delivers to one connection in order: whatever was told before comes before the echo.
      fence.wait((token) => redis.publish(ownChannel, token)),
    );
    if (isAcknowledged === false) onInvalidation('all');
  }

  const onError = (error: unknown) => logAvailability(false, error);
  redis.on('error', onError);
  subscriber.on('error', onError);
  function receive(from: string, message: string): void {
    if (from === ownChannel) {
      if (!fence.acknowledge(message)) unexpected.report('echo');
      return;
    }
    const change = decodeChange(message);
    if (change === undefined) unexpected.report('change');
    else if (change.sender !== instanceId) onInvalidation(change.key);
  }
  subscriber.on('message', guarded({ log, name: 'cache message' }, receive));
  const onClose = () => {
    if (!isClosed) logAvailability(false);
  };
  redis.on('close', onClose);
  subscriber.on('close', () => {
    isSubscribed = false;
    onClose();
  });
  subscriber.on('ready', () => {
    subscriber.subscribe(invalidationChannel, ownChannel).then(() => {
      // What was told while nobody listened is unknown.
      onInvalidation('all');
      isSubscribed = true;
      if (isAvailable()) logAvailability(true);
    }, onError);
  });
  redis.on('ready', () => {
    void recover();
  });

  return {
    isAvailable: () => isAvailable() && !isFull,

    async get(account, keys) {
      const texts = await tryCommand(async () => {
        const { keys: tagKeys, indexOf } = tagVersionKeys(keys);
        const names = [`${cacheKeyPrefix}generation:${account}`, ...tagKeys];
        const reply = await redis.eval(
          getScript,
          names.length + keys.length,
          ...names,
          ...keys.map(({ key }) => cacheKeyPrefix + key),
          randomUUID(),
          epochTtlMs,
          tagKeys.length,
          ...keys.map(indexOf),
        );
        return Array.isArray(reply)
          ? reply.map((text) => (typeof text === 'string' ? text : null))
          : [];
      });
      if (texts === undefined) return { entries: keys.map(() => undefined), epoch: undefined };
      const [epoch, ...entries] = texts;
      if (epoch === null || epoch === undefined) isFull = true;
      return {
        entries: keys.map((key, index) => {
          const text = entries[index];
          if (text === null || text === undefined) return undefined;
          const entry = decodeEntry(text, key);
          if (entry === undefined) unexpected.report('entry');
          return entry && toMonotonic(entry, clock);
        }),
        epoch: epoch ?? undefined,
      };
    },

    awaitFence() {
      pendingFence ??= Promise.resolve().then(() => {
        pendingFence = undefined;
        return runFence();
      });
      return pendingFence;
    },

    async put(account, epoch, entries) {
      const { keys: tagKeys, indexOf } = tagVersionKeys(entries);
      const names = [`${cacheKeyPrefix}generation:${account}`, ...tagKeys];
      await tryCommand(async () => {
        await redis.eval(
          putScript,
          names.length + entries.length,
          ...names,
          ...entries.map(({ key }) => cacheKeyPrefix + key),
          randomUUID(),
          epochTtlMs,
          tagKeys.length,
          epoch,
          ...entries.flatMap((stored) => [
            indexOf(stored),
            encodeEntry(stored.entry, clock),
            stored.ttlMs,
          ]),
        );
        isFull = false;
      });
    },

    async invalidate(account, key, entry) {
      const reply = await tryCommand(() => sendInvalidation(account, key, entry));
      if (reply !== undefined) return;
      if (pendingInvalidations.size < maxPendingInvalidations)
        pendingInvalidations.set(key, account);
      else isPendingOverflowed = true;
      if (isConnected()) void recover();
    },

    close() {
      isClosed = true;
      redis.disconnect();
      subscriber.disconnect();
    },
  };
}
