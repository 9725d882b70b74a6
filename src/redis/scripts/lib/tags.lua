-- ARGV[1] is a new version, ARGV[2] its TTL. A key of another type counts as absent; SET replaces it.
local function get(key)
  local value = redis.pcall('GET', key)
  return type(value) == 'string' and value
end
-- Creates the version of a tag or of a generation that is absent, so that no earlier version becomes valid again.
local function getOrCreateVersion(key)
  local version = get(key)
  if version then return version end
  local reply = redis.pcall('SET', key, ARGV[1], 'PX', ARGV[2])
  return not reply['err'] and ARGV[1]
end
