-- Appends events to a log and publishes them, so that all instances receive them in the order of the log. One whose id was appended before
-- is skipped. A full Redis publishes them without a position, and deletes the log, because they are missing in it.
-- KEYS head, entries, ids of entries. ARGV id of a new log, TTL of the head, TTL, number and bytes of entries, channel; id, text and message
-- of each event. A message is a JSON object; an event with an empty one is not published.
-- Returns the position of the last entry; 0 if Redis is full.
local headTtl, ttl = ARGV[2], tonumber(ARGV[3])
local maxLength, maxBytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local channel, firstEvent = ARGV[6], 7
local log = openLog(ARGV[1])

local function publish(message, fields)
  if message ~= '' then redis.call('PUBLISH', channel, string.sub(message, 1, -2) .. ',' .. fields .. '}') end
end

local isFull = false
for i = firstEvent, #ARGV, 3 do
  local id, text, message = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('SISMEMBER', KEYS[3], id) == 0 then
    local position = string.format('%.0f', log.last + 1)
    local entry = table.concat({ position, string.format('%.0f', now), id, log.lastId, text }, ' ')
    local reply = not isFull and redis.pcall('RPUSH', KEYS[2], entry)
    if type(reply) ~= 'number' then
      isFull = true
      publish(message, '"isUnlogged":true')
    else
      redis.pcall('SADD', KEYS[3], id)
      publish(message, '"log":{"position":' .. position .. ',"previousId":"' .. log.lastId .. '"}')
      log.last, log.lastId, log.length, log.bytes = log.last + 1, id, reply, log.bytes + #entry
    end
  end
end

while log.length > 1 do
  local entry = redis.call('LINDEX', KEYS[2], 0)
  local at, id = string.match(entry, '^%d+ (%d+) ([%w-]+) ')
  at = tonumber(at)
  if log.length <= maxLength and log.bytes <= maxBytes and at and at > now - ttl then break end
  redis.call('LPOP', KEYS[2])
  if id then redis.call('SREM', KEYS[3], id) end
  log.length, log.bytes = log.length - 1, log.bytes - #entry
end
local reply = not isFull and redis.pcall('SET', KEYS[1], headOf(log), 'PX', headTtl)
if not reply or reply['err'] then
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  return 0
end
redis.call('PEXPIRE', KEYS[2], ttl)
redis.call('PEXPIRE', KEYS[3], ttl)
return log.last
