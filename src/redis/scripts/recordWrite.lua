-- Records the change of a write under several names. KEYS names. ARGV start and end of the write, TTL, tolerance.
-- Returns 1 if a webhook has reported it during the write.
local repeated = 0
for _, key in ipairs(KEYS) do
  local state = redis.pcall('GET', key)
  local receivedAt = type(state) == 'string' and tonumber(string.match(state, '^webhook (%d+)$'))
  if receivedAt and receivedAt >= ARGV[1] - ARGV[4] then
    redis.call('DEL', key)
    repeated = 1
  else
    redis.call('SET', key, 'write ' .. ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
  end
end
return repeated
