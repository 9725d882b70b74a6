import { createHash } from 'node:crypto';

/** Runs in Redis as one step, by Redis' own clock, which is the only one that all instances share. */
export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

const createScript = (text: string): RedisScript => ({
  text,
  sha: createHash('sha1').update(text).digest('hex'),
});

// Rounded up where a slot is taken and down where it comes back: never a fraction of a millisecond too early.
const readTime = `
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
    for _, name in ipairs({ 'version', 'pauseMs', 'adaptiveLimit', 'minLimit', 'limitUpdatedAt' }) do
      if not isNumber(state[name], 9007199254740991) then return nil end
    end
    for _, name in ipairs({ 'pausedUntil', 'probeUntil' }) do
      if not isNumber(state[name], now + ${lifeMs}) then return nil end
    end
    return state, text
  end`;

/** Longer than the helpdesk may close the gate and the allowance take to recover. */
export const throttleTtlMs = 1_800_000;

/** Longer than any slot is taken, however the instances are set. */
const longestSlotMs = 3_600_000;

/** Answers carry the first so many slots; those behind them come back no earlier. */
export const maxReleaseTimes = 1_000;

/**
 * Gives an instance as many calls as there are, at most its part when others wait too: the more important first, then to each
 * instance in turn. Also how it says that it still waits, and how it learns what the others do.
 * KEYS leases, waiters, throttle. ARGV self, acquisition, window, leaseTtl, limit, waiterTtl, recovery, writes, reads, background (all times in ms).
 */
export const acquireScript = createScript(`${readTime}${clean}${gateOf(throttleTtlMs)}
  local leases, waiters, throttle = KEYS[1], KEYS[2], KEYS[3]
  local self, acquisition = ARGV[1], ARGV[2]
  local window, leaseTtl, limit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
  local waiterTtl, recovery = tonumber(ARGV[6]), tonumber(ARGV[7])

  clean(leases, 'zset')
  clean(waiters, 'hash')
  redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
  redis.call('ZREMRANGEBYSCORE', leases, now + ${longestSlotMs}, '+inf')
  local used = redis.call('ZCARD', leases)
  local adaptiveLimit, most, isProbe = limit, limit, false
  local state, text = gateOf(throttle)
  if state then
    if state.pausedUntil == 0 then
      adaptiveLimit = math.min(limit, state.adaptiveLimit + math.floor(math.max(0, now - state.limitUpdatedAt) / recovery))
    else
      isProbe = true
      most = (now >= state.pausedUntil and now >= state.probeUntil) and 1 or 0
    end
  end
  local left = math.max(0, math.min(adaptiveLimit - used, most))

  -- Of each instance that waits: until when it is believed, how much it demands and how often it had its turn, by priority.
  local mine = { expiresAt = now + waiterTtl, demand = { tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]) }, servedTurns = {} }
  local before, peers, peersUntil = nil, {}, 0
  local function isHungry(each)
    if not each or not isNumber(each.expiresAt, now + ${longestSlotMs}) then return false end
    for _, part in ipairs({ 'demand', 'servedTurns' }) do
      if type(each[part]) ~= 'table' then return false end
      for kind = 1, 3 do
        if not isNumber(each[part][kind], 1000000000) then return false end
      end
    end
    return true
  end
  local all, peerDemand = redis.call('HGETALL', waiters), { 0, 0, 0 }
  for i = 1, #all, 2 do
    local each = decode(all[i + 1])
    if not isHungry(each) then
      redis.call('HDEL', waiters, all[i])
    elseif all[i] == self then
      before = each
    elseif each.expiresAt <= now then
      redis.call('HDEL', waiters, all[i])
    else
      peers[#peers + 1] = each
      for kind = 1, 3 do peerDemand[kind] = peerDemand[kind] + each.demand[kind] end
      if peersUntil == 0 or each.expiresAt - now < peersUntil then peersUntil = each.expiresAt - now end
    end
  end

  local granted = 0
  for kind = 1, 3 do
    -- Who begins to wait begins where the others are.
    local least = math.huge
    for _, each in ipairs(peers) do
      if each.demand[kind] > 0 then least = math.min(least, each.servedTurns[kind]) end
    end
    local isNew = not before or before.demand[kind] == 0
    mine.servedTurns[kind] = isNew and (least < math.huge and least or 0) or before.servedTurns[kind]
    while left > 0 do
      local nextOne = mine.demand[kind] > 0 and mine or nil
      for _, each in ipairs(peers) do
        if each.demand[kind] > 0 and (not nextOne or each.servedTurns[kind] < nextOne.servedTurns[kind]) then nextOne = each end
      end
      if not nextOne then break end
      nextOne.demand[kind] = nextOne.demand[kind] - 1
      nextOne.servedTurns[kind] = nextOne.servedTurns[kind] + 1
      left = left - 1
      if nextOne == mine then granted = granted + 1 end
    end
  end

  for i = 1, granted do redis.call('ZADD', leases, now + 1 + leaseTtl + window, self .. ':' .. acquisition .. ':' .. i) end
  if granted > 0 then
    redis.call('PEXPIRE', leases, leaseTtl + window + 1000)
    if isProbe then
      state.version = state.version + 1
      state.probeUntil = now + leaseTtl
      text = cjson.encode(state)
      redis.call('SET', throttle, text, 'PX', ${throttleTtlMs})
    end
  end
  if mine.demand[1] + mine.demand[2] + mine.demand[3] > 0 then
    redis.call('HSET', waiters, self, cjson.encode(mine))
  else
    redis.call('HDEL', waiters, self)
  end
  redis.call('PEXPIRE', waiters, waiterTtl * 10)

  local answer = { text or '', now, granted, #peers, peersUntil, used + granted, peerDemand[1], peerDemand[2], peerDemand[3] }
  local releaseTimes = redis.call('ZRANGE', leases, 0, ${maxReleaseTimes - 1}, 'WITHSCORES')
  for i = 2, #releaseTimes, 2 do answer[#answer + 1] = tonumber(releaseTimes[i]) - now end
  return answer`);

/** KEYS leases. ARGV window, how many of the calls are done; the calls. The others never left. */
export const completeScript = createScript(`${readTime}${clean}
  clean(KEYS[1], 'zset')
  for i = 3, #ARGV do
    if i - 2 <= tonumber(ARGV[2]) then
      redis.call('ZADD', KEYS[1], 'XX', now + 1 + ARGV[1], ARGV[i])
    else
      redis.call('ZREM', KEYS[1], ARGV[i])
    end
  end`);

/** Changes the gate unless another instance has changed it first. KEYS throttle. ARGV version before, state, life. */
export const updateThrottleScript = createScript(`${readTime}${clean}${gateOf(throttleTtlMs)}
  local state, text = gateOf(KEYS[1])
  local version = state and state.version or 0
  if version ~= tonumber(ARGV[1]) then return { 0, text or '' } end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return { 1, ARGV[2] }`);

/** Puts right what Redis knows of one instance's calls. KEYS leases, throttle. ARGV self, keep, throttle state, life; leaseTtl, ms, ... */
export const resyncScript = createScript(`${readTime}${clean}${gateOf(throttleTtlMs)}
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
export const heartbeatScript = createScript(`${readTime}${clean}
  clean(KEYS[1], 'zset')
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return redis.call('ZCARD', KEYS[1])`);
