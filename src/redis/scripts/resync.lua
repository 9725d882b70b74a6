-- Restores permits after an outage or a loss: replaces the leases of one instance, and adds those of others that it knows. For a time, no
-- instance takes permits from the window, so that all can restore theirs.
-- KEYS leases, throttle, window. ARGV instance, TTL of the leases, throttle state, recovery time, number of own leases; lease and remaining
-- milliseconds of each call, the own ones first.
local leases, throttle, window = KEYS[1], KEYS[2], KEYS[3]
local instance, ttl, recoveryMs, ownCount = ARGV[1], ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
deleteUnlessType(leases, 'zset')
deleteUnlessType(window, 'hash')
for _, lease in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
  if string.sub(lease, 1, #instance + 1) == instance .. ':' then redis.call('ZREM', leases, lease) end
end
for i = 6, #ARGV, 2 do
  local releasesAt = now + 1 + ARGV[i + 1]
  if i < 6 + 2 * ownCount then
    redis.call('ZADD', leases, releasesAt, ARGV[i])
  else
    redis.call('ZADD', leases, 'NX', releasesAt, ARGV[i])
  end
end
redis.call('PEXPIRE', leases, ttl)
-- The others read the window again.
redis.pcall('HINCRBY', window, 'version', 1)
if recoveryMs > 0 then redis.call('HSET', window, 'recovery', now + recoveryMs .. ' ') end
redis.call('PEXPIRE', window, ttl)
local state = getThrottle(throttle)
if cjson.decode(ARGV[3]).version > (state and state.version or 0) then setThrottle(throttle, ARGV[3]) end
