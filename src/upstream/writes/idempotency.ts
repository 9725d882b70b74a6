import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { ExpiringMap } from '../../lib/expiringMap.ts';
import { JsonError, parseJson } from '../../lib/json.ts';
import type { Shape } from '../../lib/shape.ts';
import { isDictionary, isText, isTime, objectOf, oneOf } from '../../lib/shape.ts';
import type { RedisConnections } from '../../redis/connection.ts';
import { hashedName, redisKey } from '../../redis/keys.ts';

/** The ids of the objects that a mutation has created, by name, such as `chatId`. */
export type CreatedIds = Readonly<Record<string, string>>;

/**
 * The state of a mutation with an idempotency key. `pending`: an attempt is running. `partial`: the last attempt failed after its first
 * step. `uncertain`: the outcome of the last step is unknown. `done`: the mutation succeeded. Records contain only ids and hashes.
 */
export interface IdempotencyRecord {
  readonly state: 'pending' | 'partial' | 'uncertain' | 'done';
  /** The hash of the arguments. */
  readonly hash: string;
  /** When the last step was first attempted, in milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** When that step was last sent, if it was sent again. */
  readonly repeatedAtMs?: number;
  /** When a pending attempt has certainly ended. */
  readonly untilMs: number;
  readonly created: CreatedIds;
  /** Set if HelpCrunch has confirmed the last step, but its object was not found. */
  readonly isApplied?: true;
}

const isCreatedIds: Shape<CreatedIds> = (value): value is CreatedIds =>
  isDictionary(value) && Object.values(value).every(isText);

const isRecord = objectOf<IdempotencyRecord>(
  {
    state: oneOf('pending', 'partial', 'uncertain', 'done'),
    hash: isText,
    startedAtMs: isTime,
    repeatedAtMs: isTime,
    untilMs: isTime,
    created: isCreatedIds,
    isApplied: oneOf(true),
  },
  ['state', 'hash', 'startedAtMs', 'untilMs', 'created'],
);

const ttlMs = 86_400_000;
/** In the memory of this process. */
const maxRecords = 10_000;

/** JSON with sorted properties: equal values have the same text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    isDictionary(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export const canonicalHash = (value: unknown): string =>
  createHash('sha256').update(canonical(value)).digest('base64url');

/** Whether a record is about the customer with the id. */
export const containsId = (record: string, customerId: string): boolean =>
  parseRecord(record)?.created['customerId'] === customerId;

function parseRecord(text: string): IdempotencyRecord | undefined {
  try {
    const value = parseJson(text);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

/** The records of all accounts, in Redis if it is available, and those that this process has written also in its memory. */
export class IdempotencyStore {
  readonly #local: ExpiringMap<string>;
  readonly #redis: RedisConnections | undefined;

  constructor(clock: Clock, redis?: RedisConnections) {
    this.#redis = redis;
    this.#local = new ExpiringMap(clock, maxRecords);
  }

  async find(account: string, name: string): Promise<IdempotencyRecord | undefined> {
    const key = this.#keyOf(account, name);
    const shared = await this.#redis?.tryCommand(async (client) => ({
      text: await client.get(key),
    }));
    // Redis may have lost the record in a restart.
    const text = shared?.text ?? this.#local.get(key);
    return typeof text === 'string' ? parseRecord(text) : undefined;
  }

  /** Replaces the expected record. False if another instance has replaced it meanwhile. */
  async replace(
    account: string,
    name: string,
    [expected, record]: readonly [IdempotencyRecord | undefined, IdempotencyRecord | undefined],
  ): Promise<boolean> {
    const key = this.#keyOf(account, name);
    const before = expected === undefined ? '' : JSON.stringify(expected);
    const after = record === undefined ? '' : JSON.stringify(record);
    const isKnown = (this.#local.get(key) ?? '') === before;
    const replaceShared = (text: string) =>
      this.#redis?.runScript('replaceRecord', [key], [text, after, ttlMs]);
    let reply = await replaceShared(before);
    if (reply === 0 && isKnown && before !== '') reply = await replaceShared('');
    const isReplaced = reply === undefined ? isKnown : reply === 1;
    if (isReplaced && after === '') this.#local.delete(key);
    else if (isReplaced) this.#local.set(key, after, ttlMs);
    return isReplaced;
  }

  /** Deletes the records about a customer from the memory of this process. */
  forget(account: string, customerId: string): void {
    const prefix = redisKey(account, 'idempotency');
    this.#local.deleteWhere((text, key) => key.startsWith(prefix) && containsId(text, customerId));
  }

  #keyOf = (account: string, name: string) => redisKey(account, 'idempotency', hashedName(name));
}
