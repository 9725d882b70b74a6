export interface SharedEntry {
  readonly value: unknown;
  readonly at: number;
}

/** Raised when what is kept changes its form, so that two versions of the gateway can share one Redis. */
export const prefix = 'helpcrunch:1:';
export const channel = `${prefix}changes`;

/** Makes a generation where there is none, so that none ever comes back. */
export const getScript = `
  if not redis.call('GET', KEYS[1]) then redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
  return redis.call('MGET', unpack(KEYS))`;

export const putScript = `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i * 2 - 2], 'PX', ARGV[i * 2 - 1]) end
  return 1`;

/** A full Redis keeps nothing, but forgets and passes the word on. */
export const changeScript = `
  local isCurrent = ARGV[5] and redis.call('GET', KEYS[1]) == ARGV[5]
  redis.call('UNLINK', KEYS[2])
  local made = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  if made['err'] then redis.call('UNLINK', KEYS[1]) end
  if isCurrent then redis.pcall('SET', KEYS[2], ARGV[6], 'PX', ARGV[7]) end
  redis.call('PUBLISH', ARGV[3], ARGV[4] .. ' ' .. KEYS[2])
  return 1`;

export function decode(text: string | null | undefined): SharedEntry | undefined {
  if (text === null || text === undefined) return undefined;
  try {
    const entry: unknown = JSON.parse(text);
    const isEntry = typeof entry === 'object' && entry !== null && 'v' in entry && 'at' in entry;
    return isEntry && typeof entry.at === 'number' ? { value: entry.v, at: entry.at } : undefined;
  } catch {
    return undefined;
  }
}

export const encode = ({ value, at }: SharedEntry): string => JSON.stringify({ v: value, at });
