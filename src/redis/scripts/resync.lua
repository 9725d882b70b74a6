-- Replaces the leases of one instance after an outage. KEYS leases, throttle. ARGV instance, TTL of the leases, throttle state; lease and
-- remaining milliseconds of each call.
deleteUnlessType(KEYS[1], 'zset')
for _, lease in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if string.sub(lease, 1, #ARGV[1] + 1) == ARGV[1] .. ':' then redis.call('ZREM', KEYS[1], lease) end
end
for i = 4, #ARGV, 2 do redis.call('ZADD', KEYS[1], now + 1 + ARGV[i + 1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local state = getThrottle(KEYS[2])
if cjson.decode(ARGV[3]).version > (state and state.version or 0) then setThrottle(KEYS[2], ARGV[3]) end
