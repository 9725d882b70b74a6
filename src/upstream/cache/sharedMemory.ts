import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Clock } from '../../support/clock.ts';
import type { Log } from '../../support/log.ts';

/** Told the key of a value that another instance changed, or `all` after a time apart. */
export type OnChange = (key: string) => void;

export interface SharedEntry {
  readonly value: unknown;
  readonly at: number;
}

interface Found {
  readonly entries: readonly (SharedEntry | undefined)[];
  /** Given back to `put`: what was read before a change is then not kept after it. Undefined while Redis is away. */
  readonly generation: string | undefined;
}

/** The part of the cache that all instances share. Nothing here ever fails: without Redis it is empty. */
export interface SharedMemory {
  get(tenant: string, keys: readonly string[]): Promise<Found>;
  put(
    tenant: string,
    generation: string,
    entries: readonly { key: string; entry: SharedEntry; lifeMs: number }[],
  ): Promise<void>;
  /** Tells all instances, and is done when Redis has passed it on. Without an entry the key is forgotten. */
  change(tenant: string, key: string, entry?: SharedEntry & { lifeMs: number }): Promise<void>;
  isUp(): boolean;
  close(): void;
}

/** Raised when what is kept changes its form, so that two versions of the gateway can share one Redis. */
const prefix = 'helpcrunch:1:';
const channel = `${prefix}changes`;

const commandTimeoutMs = 100;
/** After a command that took too long, Redis is left alone for this time. */
const restMs = 1_000;
/** Longer than any call may be under way. */
const generationMs = 600_000;
const maxUntold = 10_000;

const putScript = `
  if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
  for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i * 2 - 2], 'PX', ARGV[i * 2 - 1]) end
  return 1`;

function decode(text: string | null | undefined): SharedEntry | undefined {
  if (text === null || text === undefined) return undefined;
  try {
    const entry: unknown = JSON.parse(text);
    const isEntry = typeof entry === 'object' && entry !== null && 'v' in entry && 'at' in entry;
    return isEntry && typeof entry.at === 'number' ? { value: entry.v, at: entry.at } : undefined;
  } catch {
    return undefined;
  }
}

const encode = ({ value, at }: SharedEntry): string => JSON.stringify({ v: value, at });

interface Options {
  readonly url: string;
  readonly onChange: OnChange;
  readonly clock: Clock;
  readonly log: Log;
}

export function createSharedMemory({ url, onChange, clock, log }: Options): SharedMemory {
  const self = randomUUID();
  const options = {
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times: number) => Math.min(100 * times, 2_000),
  };
  const redis = new Redis(url, options);
  // A subscription must survive every reconnection, so this one may wait.
  const listener = new Redis(url, {
    ...options,
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
  });
  let restUntil = 0;
  let wasUp: boolean | undefined;
  /** Keys whose change Redis was not there to pass on; they are told before it is trusted again. */
  const untold = new Map<string, string>();
  let isUntoldTooLong = false;

  const isUp = () =>
    redis.status === 'ready' && listener.status === 'ready' && clock.now() >= restUntil;

  function note(isUpNow: boolean): void {
    if (wasUp === isUpNow) return;
    wasUp = isUpNow;
    if (isUpNow) log.info('Redis is there: the cache is shared');
    else log.warn('Redis is away: this instance goes on from its own memory');
  }

  async function attempt<Result>(command: () => Promise<Result>): Promise<Result | undefined> {
    if (!isUp()) {
      note(false);
      return undefined;
    }
    try {
      const result = await command();
      note(true);
      return result;
    } catch {
      restUntil = clock.now() + restMs;
      note(false);
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
      await redis.set(`${prefix}generation:${tenant}`, randomUUID(), 'PX', generationMs);
      await redis.unlink(prefix + key);
      await redis.publish(channel, `${self} ${key}`);
      untold.delete(key);
    }
  }

  const onError = () => note(false);
  redis.on('error', onError);
  listener.on('error', onError);
  listener.on('message', (_channel: string, message: string) => {
    const [sender, key] = [message.slice(0, self.length), message.slice(self.length + 1)];
    if (sender !== self) onChange(key);
  });
  let hasListened = false;
  listener.on('ready', () => {
    // What was told while nobody listened is unknown.
    if (hasListened) onChange('all');
    hasListened = true;
    void listener.subscribe(channel).catch(onError);
  });

  return {
    isUp,

    async get(tenant, keys) {
      const texts = await attempt(async () => {
        if (untold.size > 0 || isUntoldTooLong) await tellUntold();
        return redis.mget([`${prefix}generation:${tenant}`, ...keys.map((key) => prefix + key)]);
      });
      if (texts === undefined) return { entries: keys.map(() => undefined), generation: undefined };
      const [generation, ...entries] = texts;
      return { entries: entries.map(decode), generation: generation ?? '' };
    },

    async put(tenant, generation, entries) {
      const keys = [`generation:${tenant}`, ...entries.map(({ key }) => key)];
      const values = entries.flatMap(({ entry, lifeMs }) => [encode(entry), String(lifeMs)]);
      await attempt(() =>
        redis.eval(
          putScript,
          keys.length,
          ...keys.map((key) => prefix + key),
          generation,
          ...values,
        ),
      );
    },

    async change(tenant, key, entry) {
      const told = await attempt(async () => {
        const commands = redis
          .pipeline()
          .set(`${prefix}generation:${tenant}`, randomUUID(), 'PX', generationMs)
          .unlink(prefix + key);
        if (entry !== undefined) commands.set(prefix + key, encode(entry), 'PX', entry.lifeMs);
        const results = await commands.publish(channel, `${self} ${key}`).exec();
        // A full Redis refuses to keep the value but forgets the old one and passes the word on.
        return results?.[1]?.[0] === null && results.at(-1)?.[0] === null;
      });
      if (told === true) return;
      if (untold.size < maxUntold) untold.set(key, tenant);
      else isUntoldTooLong = true;
    },

    close() {
      redis.disconnect();
      listener.disconnect();
    },
  };
}
