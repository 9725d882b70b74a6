import { createHash } from 'node:crypto';

/** Runs in Redis as one step, by Redis' own clock, which is the only one that all instances share. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

const script = (text: string): Script => ({
  text,
  sha: createHash('sha1').update(text).digest('hex'),
});

// Rounded up where a slot is taken and down where it comes back: never a fraction of a millisecond too early.
const now = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

// What another program left under one of the keys is as good as nothing: it must neither fail a script nor hold back calls for ever.
const clean = `
  local function isNumber(value, most)
    return type(value) == 'number' and value == value and value >= 0 and value <= most
  end
  local function clean(key, kind)
    local found = redis.call('TYPE', key).ok
    if found ~= kind and found ~= 'none' then redis.call('UNLINK', key) end
  end
  local function decode(text)
    local isJson, value = pcall(cjson.decode, text)
    return isJson and type(value) == 'table' and value
  end`;

const gateOf = (lifeMs: number) => `
  local function gateOf(key)
    local text = redis.pcall('GET', key)
    local state = type(text) == 'string' and decode(text)
    if not state then return nil end
    for _, name in ipairs({ 'version', 'pauseMs', 'allowance', 'floor', 'since' }) do
      if not isNumber(state[name], 9007199254740991) then return nil end
    end
    for _, name in ipairs({ 'closedUntil', 'probeUntil' }) do
      if not isNumber(state[name], now + ${lifeMs}) then return nil end
    end
    return state, text
  end`;

/** Longer than the helpdesk may close the gate and the allowance take to recover. */
export const gateLifeMs = 1_800_000;

/** Longer than any slot is taken, however the instances are set. */
const longestSlotMs = 3_600_000;

/** Answers carry the first so many slots; those behind them come back no earlier. */
export const maxFrees = 1_000;

/**
 * Gives an instance as many calls as there are, at most its part when others wait too: the more important first, then to each
 * instance in turn. Also how it says that it still waits, and how it learns what the others do.
 * KEYS slots, hungry, gate. ARGV self, claim, window, call, limit, hunger, recovery, writes, reads, background (all times in ms).
 */
export const claimScript = script(`${now}${clean}${gateOf(gateLifeMs)}
  local slots, hungry, gate = KEYS[1], KEYS[2], KEYS[3]
  local self, claim = ARGV[1], ARGV[2]
  local window, call, limit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
  local hunger, recovery = tonumber(ARGV[6]), tonumber(ARGV[7])

  clean(slots, 'zset')
  clean(hungry, 'hash')
  redis.call('ZREMRANGEBYSCORE', slots, '-inf', now)
  redis.call('ZREMRANGEBYSCORE', slots, now + ${longestSlotMs}, '+inf')
  local used = redis.call('ZCARD', slots)
  local allowance, most, isProbe = limit, limit, false
  local state, text = gateOf(gate)
  if state then
    if state.closedUntil == 0 then
      allowance = math.min(limit, state.allowance + math.floor(math.max(0, now - state.since) / recovery))
    else
      isProbe = true
      most = (now >= state.closedUntil and now >= state.probeUntil) and 1 or 0
    end
  end
  local left = math.max(0, math.min(allowance - used, most))

  -- Of each instance that waits: until when it is believed, how much it wants and how often it had its turn, by priority.
  local mine = { till = now + hunger, wants = { tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]) }, turns = {} }
  local before, rivals, rivalUntil = nil, {}, 0
  local function isHungry(each)
    if not each or not isNumber(each.till, now + ${longestSlotMs}) then return false end
    for _, part in ipairs({ 'wants', 'turns' }) do
      if type(each[part]) ~= 'table' then return false end
      for kind = 1, 3 do
        if not isNumber(each[part][kind], 1000000000) then return false end
      end
    end
    return true
  end
  local all, rivalWants = redis.call('HGETALL', hungry), { 0, 0, 0 }
  for i = 1, #all, 2 do
    local each = decode(all[i + 1])
    if not isHungry(each) then
      redis.call('HDEL', hungry, all[i])
    elseif all[i] == self then
      before = each
    elseif each.till <= now then
      redis.call('HDEL', hungry, all[i])
    else
      rivals[#rivals + 1] = each
      for kind = 1, 3 do rivalWants[kind] = rivalWants[kind] + each.wants[kind] end
      if rivalUntil == 0 or each.till - now < rivalUntil then rivalUntil = each.till - now end
    end
  end

  local granted = 0
  for kind = 1, 3 do
    -- Who begins to wait begins where the others are.
    local least = math.huge
    for _, each in ipairs(rivals) do
      if each.wants[kind] > 0 then least = math.min(least, each.turns[kind]) end
    end
    local isNew = not before or before.wants[kind] == 0
    mine.turns[kind] = isNew and (least < math.huge and least or 0) or before.turns[kind]
    while left > 0 do
      local nextOne = mine.wants[kind] > 0 and mine or nil
      for _, each in ipairs(rivals) do
        if each.wants[kind] > 0 and (not nextOne or each.turns[kind] < nextOne.turns[kind]) then nextOne = each end
      end
      if not nextOne then break end
      nextOne.wants[kind] = nextOne.wants[kind] - 1
      nextOne.turns[kind] = nextOne.turns[kind] + 1
      left = left - 1
      if nextOne == mine then granted = granted + 1 end
    end
  end

  for i = 1, granted do redis.call('ZADD', slots, now + 1 + call + window, self .. ':' .. claim .. ':' .. i) end
  if granted > 0 then
    redis.call('PEXPIRE', slots, call + window + 1000)
    if isProbe then
      state.version = state.version + 1
      state.probeUntil = now + call
      text = cjson.encode(state)
      redis.call('SET', gate, text, 'PX', ${gateLifeMs})
    end
  end
  if mine.wants[1] + mine.wants[2] + mine.wants[3] > 0 then
    redis.call('HSET', hungry, self, cjson.encode(mine))
  else
    redis.call('HDEL', hungry, self)
  end
  redis.call('PEXPIRE', hungry, hunger * 10)

  local answer = { text or '', now, granted, #rivals, rivalUntil, used + granted, rivalWants[1], rivalWants[2], rivalWants[3] }
  local frees = redis.call('ZRANGE', slots, 0, ${maxFrees - 1}, 'WITHSCORES')
  for i = 2, #frees, 2 do answer[#answer + 1] = tonumber(frees[i]) - now end
  return answer`);

/** KEYS slots. ARGV window, how many of the calls are done; the calls. The others never left. */
export const reportScript = script(`${now}${clean}
  clean(KEYS[1], 'zset')
  for i = 3, #ARGV do
    if i - 2 <= tonumber(ARGV[2]) then
      redis.call('ZADD', KEYS[1], 'XX', now + 1 + ARGV[1], ARGV[i])
    else
      redis.call('ZREM', KEYS[1], ARGV[i])
    end
  end`);

/** Changes the gate unless another instance has changed it first. KEYS gate. ARGV version before, state, life. */
export const gateScript = script(`${now}${clean}${gateOf(gateLifeMs)}
  local state, text = gateOf(KEYS[1])
  local version = state and state.version or 0
  if version ~= tonumber(ARGV[1]) then return { 0, text or '' } end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return { 1, ARGV[2] }`);

/** Puts right what Redis knows of one instance's calls. KEYS slots, gate. ARGV self, keep, gate state, life; call, ms, ... */
export const reconcileScript = script(`${now}${clean}${gateOf(gateLifeMs)}
  clean(KEYS[1], 'zset')
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if string.sub(member, 1, #ARGV[1] + 1) == ARGV[1] .. ':' then redis.call('ZREM', KEYS[1], member) end
  end
  for i = 5, #ARGV, 2 do redis.call('ZADD', KEYS[1], now + 1 + ARGV[i + 1], ARGV[i]) end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  local state = gateOf(KEYS[2])
  if cjson.decode(ARGV[3]).version > (state and state.version or 0) then
    redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
  end`);

/** Says that an instance lives; how many do. KEYS alive. ARGV self, life. */
export const aliveScript = script(`${now}${clean}
  clean(KEYS[1], 'zset')
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return redis.call('ZCARD', KEYS[1])`);
