import type { Clock } from '../../lib/clock.ts';
import { toWallTime } from '../../lib/clock.ts';
import type { RedisConnections } from '../../redis/connection.ts';
import { redisKey } from '../../redis/keys.ts';
import type { RefreshableTypes } from './refreshableType.ts';
import type { RequestedEntries, RequestedEntry } from './requestedEntries.ts';
import { maxIdleMs, maxRequestedEntries } from './requestedEntries.ts';

/** Between two updates of Redis. */
const shareIntervalMs = 5_000;

interface RedisPopularityOptions {
  readonly redis: RedisConnections;
  readonly account: string;
  readonly requested: RequestedEntries;
  readonly types: RefreshableTypes;
  readonly clock: Clock;
}

/** The popular entries of all instances in Redis, so that an instance can start with them. They are erased with the cached data. */
export class RedisPopularity {
  readonly #options: RedisPopularityOptions;
  readonly #keys: readonly [string, string];
  /** Identifies the last erasure that this instance knows of. */
  #erasure = '';
  #isRestored = false;
  #sharedAt: number;

  constructor(options: RedisPopularityOptions) {
    const { account, clock } = options;
    this.#options = options;
    this.#keys = [redisKey(account, 'popular'), redisKey(account, 'popular', 'erasure')];
    this.#sharedAt = clock.monotonic();
  }

  /** Adds the entries that were popular before the start, once, and stores those that are popular now. */
  async update(): Promise<void> {
    this.#isRestored ||= await this.#restore();
    if (this.#options.clock.monotonic() - this.#sharedAt >= shareIntervalMs) await this.share();
  }

  /** Stores the entries that are popular now. Forgets all if cached data was erased meanwhile. */
  async share(): Promise<void> {
    const { clock, requested } = this.#options;
    this.#sharedAt = clock.monotonic();
    const members = requested.takeUnstored().flatMap((entry) => {
      const member = this.#memberOf(entry);
      return member === undefined ? [] : [toWallTime(clock, entry.requestedAt), member];
    });
    if (members.length === 0) return;
    const erasure = await this.#record(members);
    if (erasure === undefined || erasure === this.#erasure) return;
    this.#erasure = erasure;
    // The identifier has expired, and nothing was erased since.
    if (erasure === '') await this.#record(members);
    else requested.clear();
  }

  async #record(members: readonly (string | number)[]): Promise<string | undefined> {
    const { redis, clock } = this.#options;
    const limits = [clock.now() - maxIdleMs, maxRequestedEntries, maxIdleMs];
    const reply = await redis.runScript('recordPopular', this.#keys, [
      this.#erasure,
      ...limits,
      ...members,
    ]);
    return typeof reply === 'string' ? reply : undefined;
  }

  /** Returns false if Redis is not available. */
  async #restore(): Promise<boolean> {
    const { redis, clock } = this.#options;
    const [popular, erasureKey] = this.#keys;
    const oldest = clock.now() - maxIdleMs;
    const replies = await redis.tryCommand((client) =>
      client
        .multi()
        .get(erasureKey)
        .zrevrangebyscore(popular, '+inf', oldest, 'WITHSCORES', 'LIMIT', 0, maxRequestedEntries)
        .exec(),
    );
    if (!Array.isArray(replies)) return false;
    const [erasure, members] = replies.map(([, reply]) => reply);
    this.#erasure = typeof erasure === 'string' ? erasure : '';
    const found: readonly unknown[] = Array.isArray(members) ? members : [];
    for (let index = 0; index < found.length; index += 2)
      this.#restoreEntry(String(found[index]), Number(found[index + 1]));
    return true;
  }

  #restoreEntry(member: string, requestedAt: number): void {
    const { redis, account, requested, types, clock } = this.#options;
    const [, type = '', name = ''] = /^(\w+) (.+)$/s.exec(member) ?? [];
    if (types.get(type)?.accepts(name) === true) {
      const idleMs = Math.max(0, clock.now() - requestedAt);
      requested.restore(`${account}:${type}:${name}`, clock.monotonic() - idleMs);
    } else redis.anomalies.report('popular');
  }

  /** Undefined if the name can contain data of customers. */
  #memberOf({ key }: RequestedEntry): string | undefined {
    const { account, types } = this.#options;
    const found = types.find(account, key);
    return found?.refreshable.mayStoreInRedis(found.name) === true
      ? `${found.refreshable.type.name} ${found.name}`
      : undefined;
  }
}
