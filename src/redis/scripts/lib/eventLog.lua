-- KEYS[1] is the head of a log: the position and id of the last entry and the size of all. KEYS[2] are the latest entries, each with its
-- position, time, id and the id of the entry before. KEYS[3] is the set of their ids. Redis may have lost any of them. `newId` begins a log
-- whose head is absent: no instance has read it before.
local function openLog(newId)
  deleteUnlessType(KEYS[2], 'list')
  deleteUnlessType(KEYS[3], 'set')
  local text = redis.pcall('GET', KEYS[1])
  local last, lastId, bytes
  if type(text) == 'string' and #text < 80 then last, lastId, bytes = string.match(text, '^(%d+) ([%w-]+) (%d+)$') end
  local length = redis.call('LLEN', KEYS[2])
  if not last or #last > 15 or #bytes > 15 or length > tonumber(last) then
    redis.call('UNLINK', KEYS[2], KEYS[3])
    return { last = 0, lastId = newId, bytes = 0, length = 0 }
  end
  if length == 0 then redis.call('UNLINK', KEYS[3]) end
  return { last = tonumber(last), lastId = lastId, bytes = length > 0 and tonumber(bytes) or 0, length = length }
end
local function headOf(log)
  return string.format('%.0f %s %.0f', log.last, log.lastId, log.bytes)
end
