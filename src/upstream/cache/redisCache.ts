import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../../lib/clock.ts';
import type {
  RedisConnections,
  RedisParticipant,
  RedisSubscriber,
} from '../../redis/connection.ts';
import { isErrOrWrongTypeReply } from '../../redis/errors.ts';
import { hashedName, redisKey, redisPattern } from '../../redis/keys.ts';
import { erasedBy } from './cacheTypes.ts';
import { maxIdleMs } from '../refresh/requestedEntries.ts';
import { isAboutCustomer } from '../writes/idempotency.ts';
import type { DecodableKey, RedisCacheEntry, TaggedKey } from './redisEntries.ts';
import { decodeEntry, decodeInvalidation, encodeEntry, toMonotonic } from './redisEntries.ts';

/** Receives the key of an entry that another instance invalidated, or `all` when invalidations may have been missed. */
export type OnInvalidation = (key: string) => void;

interface RedisLookup {
  readonly entries: readonly (RedisCacheEntry | undefined)[];
  /** Passed to `put`, so that a value that was read before an invalidation is not stored after it. Undefined without Redis. */
  readonly epoch: string | undefined;
}

/** The entry to store with an invalidation. */
interface ReplacementEntry extends RedisCacheEntry {
  readonly tag: string;
  readonly ttlMs: number;
  readonly epoch: string;
}

interface RedisCacheOptions {
  readonly redis: RedisConnections;
  readonly onInvalidation: OnInvalidation;
  readonly clock: Clock;
}

/** Longer than any upstream call. */
const versionTtlMs = 600_000;
const maxPendingInvalidations = 10_000;

/** The Redis key of a cache key `<account>:<type>:<name>`, or of a tag `<account>:<type>:` for all entries of a type. */
function cacheKey(account: string, kind: 'entry' | 'tag', key: string): string {
  const [type = '', ...name] = key.slice(account.length + 1).split(':');
  const text = name.join(':');
  return redisKey(account, kind, text === '' ? type : `${type}:${hashedName(text)}`);
}

/** The keys that scripts take: the generation, each tag once, the entries; and the index of the tag of each entry. */
function scriptKeys(account: string, entries: readonly TaggedKey[]) {
  const tags = [...new Set(entries.map(({ tag }) => tag))];
  return {
    keys: [
      redisKey(account, 'generation'),
      ...tags.map((tag) => cacheKey(account, 'tag', tag)),
      ...entries.map(({ key }) => cacheKey(account, 'entry', key)),
    ],
    tagCount: tags.length,
    tagIndexOf: ({ tag }: TaggedKey): number => tags.indexOf(tag) + 1,
  };
}

const textOf = (reply: unknown): string | undefined =>
  typeof reply === 'string' ? reply : undefined;

/** Empty for data of another type. */
async function textAt(client: Pick<Redis, 'get'>, key: string): Promise<string> {
  try {
    return (await client.get(key)) ?? '';
  } catch (error) {
    if (isErrOrWrongTypeReply(error)) return '';
    throw error;
  }
}

/** The cache that all instances share. No method rejects; without Redis it is empty. */
export class RedisCache implements RedisParticipant, RedisSubscriber {
  readonly #redis: RedisConnections;
  readonly #onInvalidation: OnInvalidation;
  readonly #clock: Clock;
  /** Accounts of invalidated keys that were not published, because Redis was unavailable. */
  readonly #pendingInvalidations = new Map<string, string>();
  #isPendingOverflowed = false;
  #pendingFence: Promise<void> | undefined;

  constructor({ redis, onInvalidation, clock }: RedisCacheOptions) {
    this.#redis = redis;
    this.#onInvalidation = onInvalidation;
    this.#clock = clock;
    redis.register(this);
    redis.subscribe('invalidation', this);
  }

  isAvailable(): boolean {
    return this.#isConsistent() && !this.#redis.hasProblem('memory');
  }

  async get(account: string, keys: readonly DecodableKey[]): Promise<RedisLookup> {
    const { keys: names, tagCount, tagIndexOf } = scriptKeys(account, keys);
    const reply = await this.#tryScript('getEntries', names, [
      randomUUID(),
      versionTtlMs,
      tagCount,
      ...keys.map(tagIndexOf),
    ]);
    if (!Array.isArray(reply)) return { entries: keys.map(() => undefined), epoch: undefined };
    const [epoch, ...texts] = reply.map(textOf);
    if (epoch === undefined) this.#redis.reportOutOfMemory();
    return { entries: keys.map((key, index) => this.#decode(texts[index], key)), epoch };
  }

  async put(
    account: string,
    epoch: string,
    entries: readonly (TaggedKey & { entry: RedisCacheEntry; ttlMs: number })[],
  ): Promise<void> {
    const { keys, tagCount, tagIndexOf } = scriptKeys(account, entries);
    await this.#tryScript('putEntries', keys, [
      randomUUID(),
      versionTtlMs,
      tagCount,
      epoch,
      ...entries.flatMap((stored) => [
        tagIndexOf(stored),
        encodeEntry(stored.entry, this.#clock),
        stored.ttlMs,
      ]),
    ]);
  }

  /** Resolves when Redis has published the invalidation. Without a replacement the entry is deleted. */
  async invalidate(account: string, key: string, replacement?: ReplacementEntry): Promise<void> {
    if (this.#isConsistent() && (await this.#sendInvalidation(account, key, replacement))) return;
    if (this.#pendingInvalidations.size < maxPendingInvalidations)
      this.#pendingInvalidations.set(key, account);
    else this.#isPendingOverflowed = true;
    this.#redis.requestResync();
  }

  /** Resolves when every invalidation that was published before has been applied. Concurrent operations share one fence. */
  awaitFence(): Promise<void> {
    this.#pendingFence ??= Promise.resolve().then(async () => {
      this.#pendingFence = undefined;
      if (this.#isConsistent() && (await this.#redis.awaitFence()) === false)
        this.#onInvalidation('all');
    });
    return this.#pendingFence;
  }

  isSynced(): boolean {
    return this.#pendingInvalidations.size === 0 && !this.#isPendingOverflowed;
  }

  async resync(): Promise<void> {
    if (this.#isPendingOverflowed) {
      if (!(await this.#deleteAll())) return;
      this.#isPendingOverflowed = false;
      this.#pendingInvalidations.clear();
    }
    for (const [key, account] of this.#pendingInvalidations) {
      this.#pendingInvalidations.delete(key);
      if (await this.#sendInvalidation(account, key)) continue;
      this.#pendingInvalidations.set(key, account);
      return;
    }
  }

  onMessage(account: string, text: string): void {
    const message = decodeInvalidation(text);
    if (message === undefined) this.#redis.anomalies.report('change');
    else if (message.sender !== this.#redis.instanceId)
      this.#onInvalidation(message.name === 'all' ? 'all' : `${account}:${message.name}`);
  }

  onSubscribed(): void {
    // Invalidations that were published before are unknown.
    this.#onInvalidation('all');
  }

  /** Whether this instance receives all invalidations, and the others have received those of this instance. */
  #isConsistent(): boolean {
    return (
      !this.#redis.hasProblem('commands') &&
      !this.#redis.hasProblem('subscription') &&
      this.isSynced()
    );
  }

  async #tryScript(...script: Parameters<RedisConnections['runScript']>): Promise<unknown> {
    return this.#isConsistent() ? this.#redis.runScript(...script) : undefined;
  }

  #decode(text: string | undefined, key: DecodableKey): RedisCacheEntry | undefined {
    if (text === undefined) return undefined;
    const entry = decodeEntry(text, key);
    if (entry === undefined) this.#redis.anomalies.report('entry');
    return entry && toMonotonic(entry, this.#clock);
  }

  async #sendInvalidation(
    account: string,
    key: string,
    replacement?: ReplacementEntry,
  ): Promise<boolean> {
    const keys = [
      redisKey(account, 'generation'),
      cacheKey(account, 'entry', key),
      cacheKey(account, 'tag', key),
      cacheKey(account, 'tag', replacement?.tag ?? key),
    ];
    const reply = await this.#redis.runScript('invalidate', keys, [
      randomUUID(),
      versionTtlMs,
      this.#redis.channel(account, 'invalidation'),
      `${this.#redis.instanceId} ${key.slice(account.length + 1)}`,
      ...(replacement === undefined
        ? []
        : [replacement.epoch, encodeEntry(replacement, this.#clock), replacement.ttlMs]),
    ]);
    if (reply === undefined) return false;
    const erased = erasedBy(key);
    return erased === undefined || this.#erase(account, erased.id);
  }

  async #erase(account: string, id: string): Promise<boolean> {
    if (!(await this.#deleteMatching([`${redisKey(account, 'entry')}:*`]))) return false;
    const popular = await this.#redis.tryCommand((client) =>
      client
        .multi()
        .set(redisKey(account, 'popular', 'erasure'), randomUUID(), 'PX', maxIdleMs)
        .unlink(redisKey(account, 'popular'))
        .exec(),
    );
    if (popular === undefined) return false;
    return this.#deleteMatching([`${redisKey(account, 'idempotency')}:*`], (record) =>
      isAboutCustomer(record, id),
    );
  }

  async #deleteAll(): Promise<boolean> {
    const { account, instanceId } = this.#redis;
    const channel = this.#redis.channel(account, 'invalidation');
    const kinds = ['entry', 'tag', 'generation'] as const;
    if (!(await this.#deleteMatching(kinds.map((kind) => `${redisPattern(kind)}*`)))) return false;
    const reply = await this.#redis.tryCommand((client) =>
      client.publish(channel, `${instanceId} all`),
    );
    return reply !== undefined;
  }

  async #deleteMatching(
    patterns: readonly string[],
    accepts?: (text: string) => boolean,
  ): Promise<boolean> {
    // Scanning does not add the prefix itself, unlike other commands.
    const { keyPrefix } = this.#redis;
    const withoutPrefix = (key: unknown) => String(key).slice(keyPrefix.length);
    const reply = await this.#redis.tryCommand(async (client) => {
      for (const pattern of patterns) {
        const match = keyPrefix + pattern;
        for await (const found of client.scanStream({ match, count: 1_000 })) {
          for (const key of Array.isArray(found) ? found.map(withoutPrefix) : []) {
            if (accepts === undefined || accepts(await textAt(client, key))) {
              await client.unlink(key);
            }
          }
        }
      }
      return true;
    });
    return reply === true;
  }
}
