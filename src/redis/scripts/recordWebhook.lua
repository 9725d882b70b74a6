-- Records the change of a webhook. KEYS name. ARGV time of the change, time of its arrival, TTL, tolerance.
-- Returns 1 if a write has published it.
local state = redis.pcall('GET', KEYS[1])
local startedAt, endedAt
if type(state) == 'string' then startedAt, endedAt = string.match(state, '^write (%d+) (%d+)$') end
if startedAt == nil then
  redis.call('SET', KEYS[1], 'webhook ' .. ARGV[2], 'PX', ARGV[3])
  return 0
end
if ARGV[1] - startedAt < -ARGV[4] or ARGV[1] - endedAt > ARGV[4] + 0 then return 0 end
redis.call('DEL', KEYS[1])
return 1
