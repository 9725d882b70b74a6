-- Grants an instance as many leases as are free, at most its share while other instances wait: by priority, then to each instance in turn.
-- Also reports the demand of the instance and returns the demand of its peers.
-- KEYS leases, waiters, throttle. ARGV instance, acquisition, window, lease TTL, limit, waiter TTL, recovery interval; demand of writes,
-- reads and background calls. All times in milliseconds, rounded so that a lease is never released early.
local leases, waiters, throttle = KEYS[1], KEYS[2], KEYS[3]
local instance, acquisition = ARGV[1], ARGV[2]
local window, leaseTtl, limit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local waiterTtl, recoveryInterval = tonumber(ARGV[6]), tonumber(ARGV[7])
-- Longer than a lease lasts with any settings.
local maxLeaseMs = 3600000
-- Replies contain this many release times; the others are no earlier.
local maxReleaseTimes = 1000

deleteUnlessType(leases, 'zset')
deleteUnlessType(waiters, 'hash')
redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
redis.call('ZREMRANGEBYSCORE', leases, now + maxLeaseMs, '+inf')
local used = redis.call('ZCARD', leases)
local adaptiveLimit, maxGranted, isProbe = limit, limit, false
local state, text = getThrottle(throttle)
if state then
  if state.pausedUntil == 0 then
    local recovered = math.floor(math.max(0, now - state.limitUpdatedAt) / recoveryInterval)
    adaptiveLimit = math.min(limit, state.adaptiveLimit + recovered)
  else
    isProbe = true
    maxGranted = (now >= state.pausedUntil and now >= state.probeUntil) and 1 or 0
  end
end
local free = math.max(0, math.min(adaptiveLimit - used, maxGranted))

-- A waiter has an expiry, and its demand and the number of its served turns by priority.
local own = {
  expiresAt = now + waiterTtl,
  demand = { tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]) },
  servedTurns = {},
}
local function isWaiter(waiter)
  if not waiter or not isNumber(waiter.expiresAt, now + maxLeaseMs) then return false end
  for _, field in ipairs({ 'demand', 'servedTurns' }) do
    if type(waiter[field]) ~= 'table' then return false end
    for priority = 1, 3 do
      if not isNumber(waiter[field][priority], 1000000000) then return false end
    end
  end
  return true
end
local previous, peers, peersUntil, peerDemand = nil, {}, 0, { 0, 0, 0 }
local all = redis.call('HGETALL', waiters)
for i = 1, #all, 2 do
  local waiter = decode(all[i + 1])
  if not isWaiter(waiter) then
    redis.call('HDEL', waiters, all[i])
  elseif all[i] == instance then
    previous = waiter
  elseif waiter.expiresAt <= now then
    redis.call('HDEL', waiters, all[i])
  else
    peers[#peers + 1] = waiter
    for priority = 1, 3 do peerDemand[priority] = peerDemand[priority] + waiter.demand[priority] end
    if peersUntil == 0 or waiter.expiresAt - now < peersUntil then peersUntil = waiter.expiresAt - now end
  end
end

local granted = 0
for priority = 1, 3 do
  -- An instance that starts to wait is served as often as the peer that was served least.
  local leastServed = math.huge
  for _, peer in ipairs(peers) do
    if peer.demand[priority] > 0 then leastServed = math.min(leastServed, peer.servedTurns[priority]) end
  end
  if previous and previous.demand[priority] > 0 then
    own.servedTurns[priority] = previous.servedTurns[priority]
  else
    own.servedTurns[priority] = leastServed < math.huge and leastServed or 0
  end
  while free > 0 do
    local turn = own.demand[priority] > 0 and own or nil
    for _, peer in ipairs(peers) do
      if peer.demand[priority] > 0 and (not turn or peer.servedTurns[priority] < turn.servedTurns[priority]) then
        turn = peer
      end
    end
    if not turn then break end
    turn.demand[priority] = turn.demand[priority] - 1
    turn.servedTurns[priority] = turn.servedTurns[priority] + 1
    free = free - 1
    if turn == own then granted = granted + 1 end
  end
end

for i = 1, granted do
  redis.call('ZADD', leases, now + 1 + leaseTtl + window, instance .. ':' .. acquisition .. ':' .. i)
end
if granted > 0 then
  redis.call('PEXPIRE', leases, leaseTtl + window + 1000)
  if isProbe then
    state.version = state.version + 1
    state.probeUntil = now + leaseTtl
    text = cjson.encode(state)
    setThrottle(throttle, text)
  end
end
if own.demand[1] + own.demand[2] + own.demand[3] > 0 then
  redis.call('HSET', waiters, instance, cjson.encode(own))
else
  redis.call('HDEL', waiters, instance)
end
redis.call('PEXPIRE', waiters, waiterTtl * 10)

local reply = { text or '', now, granted, #peers, peersUntil, used + granted, peerDemand[1], peerDemand[2], peerDemand[3] }
local releaseTimes = redis.call('ZRANGE', leases, 0, maxReleaseTimes - 1, 'WITHSCORES')
for i = 2, #releaseTimes, 2 do reply[#reply + 1] = tonumber(releaseTimes[i]) - now end
return reply
