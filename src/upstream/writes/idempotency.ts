import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { toWallTime } from '../../lib/clock.ts';
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
 * step. `uncertain`: the outcome of the last step is unknown. `done`: the mutation succeeded. Records contain only ids and hashes. Times
 * are of the monotonic clock.
 */
export interface IdempotencyRecord {
  readonly state: 'pending' | 'partial' | 'uncertain' | 'done';
  /** The hash of the arguments. */
  readonly hash: string;
  /** When the last step was first attempted. */
  readonly startedAtMs: number;
  /** The same by the clock of HelpCrunch, in milliseconds since the epoch. Older builds omit it. */
  readonly serverStartedAtMs?: number;
  /** When that step was last sent, if it was sent again. */
  readonly repeatedAtMs?: number;
  /** When a pending attempt has certainly ended. */
  readonly untilMs: number;
  readonly created: CreatedIds;
  /** Set if HelpCrunch has confirmed the last step, but its object was not found. */
  readonly isApplied?: true;
}

/** As text, a record has times of the wall clock of the instance that has written it. */
interface WrittenRecord extends IdempotencyRecord {
  /** That clock at the time of writing. Older builds omit it. */
  readonly writtenAtMs?: number;
}

const isCreatedIds: Shape<CreatedIds> = (value): value is CreatedIds =>
  isDictionary(value) && Object.values(value).every(isText);

const isWrittenRecord = objectOf<WrittenRecord>(
  {
    state: oneOf('pending', 'partial', 'uncertain', 'done'),
    hash: isText,
    startedAtMs: isTime,
    serverStartedAtMs: isTime,
    repeatedAtMs: isTime,
    untilMs: isTime,
    created: isCreatedIds,
    isApplied: oneOf(true),
    writtenAtMs: isTime,
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
export const isAboutCustomer = (record: string, customerId: string): boolean =>
  parseRecord(record)?.created['customerId'] === customerId;

function parseRecord(text: string): WrittenRecord | undefined {
  try {
    const value = parseJson(text);
    return isWrittenRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

const withTimes = (
  { startedAtMs, repeatedAtMs, untilMs, ...rest }: WrittenRecord,
  convert: (timeMs: number) => number,
): IdempotencyRecord => ({
  ...rest,
  startedAtMs: convert(startedAtMs),
  ...(repeatedAtMs === undefined ? {} : { repeatedAtMs: convert(repeatedAtMs) }),
  untilMs: convert(untilMs),
});

/** The text of a record, and for how long it has been stored. */
interface AgedText {
  readonly text: string;
  readonly ageMs: number;
}

/**
 * The records of all accounts, in Redis if it is available, and those that this process has written also in its memory. Redis or this process
 * measures their ages: the wall clocks of instances differ, and can be set while a mutation runs.
 */
export class IdempotencyStore {
  readonly #local: ExpiringMap<{ readonly text: string; readonly writtenAtMs: number }>;
  readonly #redis: RedisConnections | undefined;
  readonly #clock: Clock;
  /** The texts that records were read from or written as. */
  readonly #texts = new WeakMap<IdempotencyRecord, string>();

  constructor(clock: Clock, redis?: RedisConnections) {
    this.#redis = redis;
    this.#clock = clock;
    this.#local = new ExpiringMap(clock, maxRecords);
  }

  async find(account: string, name: string): Promise<IdempotencyRecord | undefined> {
    const key = this.#keyOf(account, name);
    // Redis may have lost the record in a restart.
    const found = (await this.#findShared(key)) ?? this.#findLocal(key);
    return found && this.#read(found);
  }

  /** Replaces the expected record. False if another instance has replaced it meanwhile. */
  async replace(
    account: string,
    name: string,
    [expected, record]: readonly [IdempotencyRecord | undefined, IdempotencyRecord | undefined],
  ): Promise<boolean> {
    const key = this.#keyOf(account, name);
    const before = expected === undefined ? '' : this.#textOf(expected);
    const after = record === undefined ? '' : this.#textOf(record);
    const isKnown = (this.#local.get(key)?.text ?? '') === before;
    const replaceShared = (text: string) =>
      this.#redis?.runScript('replaceRecord', [key], [text, after, ttlMs]);
    let reply = await replaceShared(before);
    if (reply === 0 && isKnown && before !== '') reply = await replaceShared('');
    const isReplaced = reply === undefined ? isKnown : reply === 1;
    if (isReplaced && after === '') this.#local.delete(key);
    else if (isReplaced)
      this.#local.set(key, { text: after, writtenAtMs: this.#clock.monotonic() }, ttlMs);
    return isReplaced;
  }

  /** Deletes the records about a customer from the memory of this process. */
  forget(account: string, customerId: string): void {
    const prefix = redisKey(account, 'idempotency');
    this.#local.deleteWhere(
      ({ text }, key) => key.startsWith(prefix) && isAboutCustomer(text, customerId),
    );
  }

  async #findShared(key: string): Promise<AgedText | undefined> {
    const reply = await this.#redis?.tryCommand((client) =>
      Promise.all([client.get(key), client.pttl(key)]),
    );
    if (typeof reply?.[0] !== 'string') return undefined;
    const [text, leftMs] = reply;
    if (leftMs < 0) return undefined;
    // If the clock of Redis was set back, the age is unknown: a mutation that may still run is not sent again.
    return { text, ageMs: Math.max(0, ttlMs - leftMs) };
  }

  #findLocal(key: string): AgedText | undefined {
    const entry = this.#local.get(key);
    return entry && { text: entry.text, ageMs: this.#clock.monotonic() - entry.writtenAtMs };
  }

  #read({ text, ageMs }: AgedText): IdempotencyRecord | undefined {
    const written = parseRecord(text);
    if (written === undefined) return undefined;
    const writtenAtMs = this.#clock.monotonic() - ageMs;
    const shownAtMs = written.writtenAtMs ?? toWallTime(this.#clock, writtenAtMs);
    const record = withTimes(written, (timeMs) => writtenAtMs + (timeMs - shownAtMs));
    this.#texts.set(record, text);
    return record;
  }

  #textOf(record: IdempotencyRecord): string {
    const known = this.#texts.get(record);
    if (known !== undefined) return known;
    const text = JSON.stringify({
      ...withTimes(record, (timeMs) => toWallTime(this.#clock, timeMs)),
      writtenAtMs: this.#clock.now(),
    });
    this.#texts.set(record, text);
    return text;
  }

  #keyOf = (account: string, name: string) => redisKey(account, 'idempotency', hashedName(name));
}
