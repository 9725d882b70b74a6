import type { Clock } from '../../lib/clock.ts';
import { toWallTime } from '../../lib/clock.ts';
import { JsonError, parseJson } from '../../lib/json.ts';
import { isTime, objectOf } from '../../lib/shape.ts';

export interface RedisCacheEntry {
  readonly value: unknown;
  /** When it was read: by the wall clock in Redis, by the monotonic clock in this process. */
  readonly at: number;
  readonly sourceUpdatedAt?: number;
}

/** The name of an entry, and what must not have changed since it was read: the thing it is part of, or all of its kind. */
export interface TaggedKey {
  readonly key: string;
  readonly tag: string;
}

/** The name of an entry to be read, and whether what is found under it is what an instance may have written. */
export interface ReadKey extends TaggedKey {
  accepts(value: unknown): boolean;
}

/** Raised when what is kept changes its form, so that two versions of the gateway can share one Redis. */
export const cacheKeyPrefix = 'helpcrunch:3:';
export const invalidationChannel = `${cacheKeyPrefix}changes`;
/** Before the name of something that others depend on: a mark that is another one after each change. */
export const tagVersionPrefix = `${cacheKeyPrefix}mark:`;

/**
 * Makes a mark or a generation where there is none, so that none ever comes back. Under the name of a text there may be data of another type,
 * which counts as none: `SET` replaces it.
 */
const tagVersionFunction = `
  local function get(key)
    local found = redis.pcall('GET', key)
    return type(found) == 'string' and found
  end
  local function mark(key)
    local found = get(key)
    if found then return found end
    local made = redis.pcall('SET', key, ARGV[1], 'PX', ARGV[2])
    return not made['err'] and ARGV[1]
  end`;

/** After the generation come the marks, and then the entries; for each entry there is the number of its mark. */
export const getScript = `${tagVersionFunction}
  local marks = tonumber(ARGV[3])
  local found = {mark(KEYS[1])}
  local current = {}
  for i = 1, marks do current[i] = mark(KEYS[1 + i]) end
  for i = 1, #KEYS - marks - 1 do
    local text = get(KEYS[1 + marks + i])
    local own = current[tonumber(ARGV[3 + i])]
    local isCurrent = text and own and string.sub(text, 1, #own + 1) == own .. ' '
    found[1 + i] = isCurrent and string.sub(text, #own + 2)
  end
  return found`;

export const putScript = `${tagVersionFunction}
  if get(KEYS[1]) ~= ARGV[4] then return 0 end
  local marks = tonumber(ARGV[3])
  for i = 1, #KEYS - marks - 1 do
    local markKey = KEYS[1 + tonumber(ARGV[2 + 3 * i])]
    local own = mark(markKey)
    if own then
      redis.call('PEXPIRE', markKey, ARGV[2])
      redis.call('SET', KEYS[1 + marks + i], own .. ' ' .. ARGV[3 + 3 * i], 'PX', ARGV[4 + 3 * i])
    end
  end
  return 1`;

/** A full Redis keeps nothing, but forgets and passes the word on. */
export const invalidateScript = `${tagVersionFunction}
  local isCurrent = ARGV[5] and get(KEYS[1]) == ARGV[5]
  redis.call('UNLINK', KEYS[2])
  for _, key in ipairs({KEYS[1], KEYS[3]}) do
    local made = redis.pcall('SET', key, ARGV[1], 'PX', ARGV[2])
    if made['err'] then redis.call('UNLINK', key) end
  end
  local own = isCurrent and mark(KEYS[4])
  if own then redis.pcall('SET', KEYS[2], own .. ' ' .. ARGV[6], 'PX', ARGV[7]) end
  redis.call('PUBLISH', ARGV[3], ARGV[4] .. ' ' .. KEYS[2])
  return 1`;

/** More than an entry with as much as HelpCrunch may send. */
const maxEntryLength = 16_777_216;

/** What a response of HelpCrunch may have, and the levels around its values. */
const maxDepth = 110;

const isWire = objectOf<{ readonly at: number; readonly asOf?: number }>(
  { at: isTime, asOf: isTime },
  ['at'],
);

/** By how much the clocks of instances may differ. */
const clockSkewMs = 1_000;

/** The entry in a text, with its time by the wall clock; undefined when the text is none that an instance wrote for this key. */
export function decodeEntry(text: string, { accepts }: ReadKey): RedisCacheEntry | undefined {
  if (text.length > maxEntryLength) return undefined;
  try {
    const entry = parseJson(text, maxDepth);
    if (!isWire(entry) || !('v' in entry) || !accepts(entry.v)) return undefined;
    const { v: value, at, asOf: sourceUpdatedAt } = entry;
    return { value, at, ...(sourceUpdatedAt === undefined ? {} : { sourceUpdatedAt }) };
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

/** The entry with its time by the monotonic clock; undefined for one from the future, whose age is not known. */
export function toMonotonic(entry: RedisCacheEntry, clock: Clock): RedisCacheEntry | undefined {
  const ageMs = clock.now() - entry.at;
  if (ageMs < -clockSkewMs) return undefined;
  return { ...entry, at: clock.monotonic() - Math.max(0, ageMs) };
}

export const encodeEntry = (
  { value, at, sourceUpdatedAt }: RedisCacheEntry,
  clock: Clock,
): string => JSON.stringify({ v: value, at: toWallTime(clock, at), asOf: sourceUpdatedAt });

/** A change as instances tell it: who changed what. */
export interface ChangeMessage {
  readonly sender: string;
  /** The key without its prefix, or `all`. */
  readonly key: string;
}

/** Longer than the key of any entity or kind. */
const maxChangeLength = 1_000;

/** Undefined for a message of another form. */
export function decodeChange(message: string): ChangeMessage | undefined {
  if (message.length > maxChangeLength) return undefined;
  const space = message.indexOf(' ');
  const sender = message.slice(0, space);
  const name = message.slice(space + 1);
  if (!/^[0-9a-f-]{36}$/.test(sender)) return undefined;
  if (name === 'all') return { sender, key: name };
  const key = name.slice(cacheKeyPrefix.length);
  const isKey = name.startsWith(cacheKeyPrefix) && /^[\w-]{1,100}:[A-Za-z]{1,100}:/.test(key);
  return isKey ? { sender, key } : undefined;
}
