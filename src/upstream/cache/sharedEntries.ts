import type { Clock } from '../../support/clock.ts';
import { toWallTime } from '../../support/clock.ts';

export interface SharedEntry {
  readonly value: unknown;
  /** When it was read: by the wall clock in Redis, by the monotonic clock in this process. */
  readonly at: number;
  readonly asOf?: number;
}

/** The name of an entry, and what must not have changed since it was read: the thing it is part of, or all of its kind. */
export interface SharedKey {
  readonly key: string;
  readonly around: string;
}

/** Raised when what is kept changes its form, so that two versions of the gateway can share one Redis. */
export const prefix = 'helpcrunch:2:';
export const channel = `${prefix}changes`;
/** Before the name of something that others depend on: a mark that is another one after each change. */
export const markPrefix = `${prefix}mark:`;

/** Makes a mark or a generation where there is none, so that none ever comes back. */
const mark = `
  local function mark(key)
    local found = redis.call('GET', key)
    if found then return found end
    local made = redis.pcall('SET', key, ARGV[1], 'PX', ARGV[2])
    return not made['err'] and ARGV[1]
  end`;

/** After the generation come the marks, and then the entries; for each entry there is the number of its mark. */
export const getScript = `${mark}
  local marks = tonumber(ARGV[3])
  local found = {mark(KEYS[1])}
  local current = {}
  for i = 1, marks do current[i] = mark(KEYS[1 + i]) end
  for i = 1, #KEYS - marks - 1 do
    local text = redis.call('GET', KEYS[1 + marks + i])
    local own = current[tonumber(ARGV[3 + i])]
    local isCurrent = text and own and string.sub(text, 1, #own + 1) == own .. ' '
    found[1 + i] = isCurrent and string.sub(text, #own + 2)
  end
  return found`;

export const putScript = `${mark}
  if redis.call('GET', KEYS[1]) ~= ARGV[4] then return 0 end
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
export const changeScript = `${mark}
  local isCurrent = ARGV[5] and redis.call('GET', KEYS[1]) == ARGV[5]
  redis.call('UNLINK', KEYS[2])
  for _, key in ipairs({KEYS[1], KEYS[3]}) do
    local made = redis.pcall('SET', key, ARGV[1], 'PX', ARGV[2])
    if made['err'] then redis.call('UNLINK', key) end
  end
  local own = isCurrent and mark(KEYS[4])
  if own then redis.pcall('SET', KEYS[2], own .. ' ' .. ARGV[6], 'PX', ARGV[7]) end
  redis.call('PUBLISH', ARGV[3], ARGV[4] .. ' ' .. KEYS[2])
  return 1`;

/** By how much the clocks of instances may differ. An entry that is newer than that is not trusted: its age is not known. */
const clockSkewMs = 1_000;

/** The entry with its time by the monotonic clock; undefined for what is no entry, or from the future. */
export function decode(text: string | null | undefined, clock: Clock): SharedEntry | undefined {
  if (text === null || text === undefined) return undefined;
  try {
    const entry: unknown = JSON.parse(text);
    const isEntry = typeof entry === 'object' && entry !== null && 'v' in entry && 'at' in entry;
    if (!isEntry || typeof entry.at !== 'number') return undefined;
    const ageMs = clock.now() - entry.at;
    if (ageMs < -clockSkewMs) return undefined;
    const asOf = 'asOf' in entry && typeof entry.asOf === 'number' ? { asOf: entry.asOf } : {};
    return { value: entry.v, at: clock.monotonic() - Math.max(0, ageMs), ...asOf };
  } catch {
    return undefined;
  }
}

export const encode = ({ value, at, asOf }: SharedEntry, clock: Clock): string =>
  JSON.stringify({ v: value, at: toWallTime(clock, at), asOf });
