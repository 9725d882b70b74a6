-- Returns the generation and then each entry that was stored with the current version of its tag.
-- KEYS generation, tags, entries. ARGV new version, its TTL, number of tags, index of the tag of each entry.
local tagCount = tonumber(ARGV[3])
local reply = { getOrCreateVersion(KEYS[1]) }
local versions = {}
for i = 1, tagCount do versions[i] = getOrCreateVersion(KEYS[1 + i]) end
for i = 1, #KEYS - tagCount - 1 do
  local text = get(KEYS[1 + tagCount + i])
  local version = versions[tonumber(ARGV[3 + i])]
  local isCurrent = text and version and string.sub(text, 1, #version + 1) == version .. ' '
  reply[1 + i] = isCurrent and string.sub(text, #version + 2)
end
return reply
