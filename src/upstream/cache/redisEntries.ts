import type { Clock } from '../../lib/clock.ts';
import { toWallTime } from '../../lib/clock.ts';
import { JsonError, parseJson } from '../../lib/json.ts';
import { isTime, objectOf } from '../../lib/shape.ts';

export interface RedisCacheEntry {
  readonly value: unknown;
  /** When it was read: by the wall clock in Redis, by the monotonic clock in this process. */
  readonly readAt: number;
  readonly sourceUpdatedAt?: number;
}

/** The key of an entry, and the tag whose invalidation makes the entry invalid: its owner or all entries of its type. */
export interface TaggedKey {
  readonly key: string;
  readonly tag: string;
}

/** The key of an entry to read, and whether an instance can have written the value under this key. */
export interface DecodableKey extends TaggedKey {
  accepts(value: unknown): boolean;
}

/** Above an entry with the largest response of HelpCrunch. */
const maxEntryLength = 16_777_216;

/** The depth of a response of HelpCrunch and of the levels around its values. */
const maxDepth = 110;

/** By how much the wall clocks of instances that share a Redis may differ. */
const instanceClockSkewMs = 1_000;

const isWire = objectOf<{ readonly at: number; readonly asOf?: number }>(
  { at: isTime, asOf: isTime },
  ['at'],
);

/** The entry with its time by the wall clock; undefined when no instance can have written the text under this key. */
export function decodeEntry(text: string, { accepts }: DecodableKey): RedisCacheEntry | undefined {
  if (text.length > maxEntryLength) return undefined;
  try {
    const entry = parseJson(text, maxDepth);
    if (!isWire(entry) || !('v' in entry) || !accepts(entry.v)) return undefined;
    const { v: value, at: readAt, asOf: sourceUpdatedAt } = entry;
    return { value, readAt, ...(sourceUpdatedAt === undefined ? {} : { sourceUpdatedAt }) };
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

/** The entry with its time by the monotonic clock; undefined for one from the future, whose age is unknown. */
export function toMonotonic(entry: RedisCacheEntry, clock: Clock): RedisCacheEntry | undefined {
  const ageMs = clock.now() - entry.readAt;
  if (ageMs < -instanceClockSkewMs) return undefined;
  return { ...entry, readAt: clock.monotonic() - Math.max(0, ageMs) };
}

export const encodeEntry = (
  { value, readAt, sourceUpdatedAt }: RedisCacheEntry,
  clock: Clock,
): string => JSON.stringify({ v: value, at: toWallTime(clock, readAt), asOf: sourceUpdatedAt });

/** An invalidation by another instance, of a key without its account or of `all` entries. */
interface InvalidationMessage {
  readonly sender: string;
  readonly name: string;
}

/** Longer than the key of any entity or type. */
const maxMessageLength = 1_000;

/** Undefined for a message of another form. */
export function decodeInvalidation(message: string): InvalidationMessage | undefined {
  if (message.length > maxMessageLength) return undefined;
  const [, sender, name] = /^([0-9a-f-]{36}) (all|[A-Z][A-Za-z]{0,99}:.*)$/s.exec(message) ?? [];
  return sender === undefined || name === undefined ? undefined : { sender, name };
}
