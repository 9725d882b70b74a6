import type { Redis } from 'ioredis';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';

/** The value of a field of INFO. */
const fieldOf = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];

/** Undefined if the server does not respond, or the user may not ask. */
const readInfo = (client: Redis): Promise<string | undefined> =>
  client.info().catch(() => undefined);

/** How long the start waits for the server. */
const startTimeoutMs = 2_000;

/** Whether a client that was just created connects to a cluster. Commands for keys of other nodes would fail. */
export async function isRedisCluster(client: Redis, clock: Clock): Promise<boolean> {
  await new Promise<void>((resolve) => {
    const cancel = clock.after(startTimeoutMs, resolve);
    const settle = () => {
      cancel();
      resolve();
    };
    client.once('ready', settle).once('close', settle);
  });
  if (client.status !== 'ready') return false;
  const info = await readInfo(client);
  return info !== undefined && fieldOf(info, 'redis_mode') === 'cluster';
}

/** Detects that Redis may evict keys or evicts them: without its permits in Redis, the rate limit is exceeded. */
export class RedisServerMonitor {
  readonly #log: Log;
  #policy: string | undefined;
  #evictedKeys: number | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Whether keys may be evicted; undefined before the first check and if the user may not ask. */
  get mayEvict(): boolean | undefined {
    return this.#policy === undefined ? undefined : this.#policy !== 'noeviction';
  }

  async check(client: Redis): Promise<void> {
    const info = await readInfo(client);
    if (info === undefined) return;
    const policy = fieldOf(info, 'maxmemory_policy');
    if (policy !== undefined && policy !== this.#policy && policy !== 'noeviction') {
      this.#log.warn('redis may evict keys, set maxmemory-policy to noeviction', { policy });
    }
    this.#policy = policy;
    const evictedKeys = Number(fieldOf(info, 'evicted_keys') ?? 0);
    const evicted = evictedKeys - (this.#evictedKeys ?? evictedKeys);
    if (evicted > 0) this.#log.warn('redis evicts keys', { evicted });
    this.#evictedKeys = evictedKeys;
  }
}
