-- Stores entries that were read in the given generation, unless something was invalidated since.
-- KEYS generation, tags, entries. ARGV new version, its TTL, number of tags, generation; index of the tag, text and TTL of each entry.
if get(KEYS[1]) ~= ARGV[4] then return 0 end
local tagCount = tonumber(ARGV[3])
for i = 1, #KEYS - tagCount - 1 do
  local tag = KEYS[1 + tonumber(ARGV[2 + 3 * i])]
  local version = getOrCreateVersion(tag)
  if version then
    redis.call('PEXPIRE', tag, ARGV[2])
    redis.call('SET', KEYS[1 + tagCount + i], version .. ' ' .. ARGV[3 + 3 * i], 'PX', ARGV[4 + 3 * i])
  end
end
return 1
