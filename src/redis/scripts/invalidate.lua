-- Deletes an entry, replaces the versions of its tag and of the generation, and notifies all instances. A full Redis stores nothing, but
-- still deletes and notifies. The replacement is stored if its generation is current.
-- KEYS generation, entry, tag of what depends on the entry, tag of the replacement.
-- ARGV new version, its TTL, channel, message; generation, text and TTL of the replacement.
local isCurrent = ARGV[5] and get(KEYS[1]) == ARGV[5]
redis.call('UNLINK', KEYS[2])
for _, key in ipairs({ KEYS[1], KEYS[3] }) do
  local reply = redis.pcall('SET', key, ARGV[1], 'PX', ARGV[2])
  if reply['err'] then redis.call('UNLINK', key) end
end
local version = isCurrent and getOrCreateVersion(KEYS[4])
if version then redis.pcall('SET', KEYS[2], version .. ' ' .. ARGV[6], 'PX', ARGV[7]) end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
