-- Replaces the texts of entries of a log. KEYS head, entries, ids of entries. ARGV id of a new log, TTL of the head, text that they contain,
-- text that exempts an entry, replacement.
local log = openLog(ARGV[1])
local chunk = 500
for start = 0, log.length - 1, chunk do
  for i, entry in ipairs(redis.call('LRANGE', KEYS[2], start, start + chunk - 1)) do
    if string.find(entry, ARGV[3], 1, true) and not string.find(entry, ARGV[4], 1, true) then
      local head = string.match(entry, '^%d+ %d+ [%w-]+ [%w-]+ ') or ''
      local reply = redis.pcall('LSET', KEYS[2], start + i - 1, head .. ARGV[5])
      if reply['err'] then
        redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
        return 1
      end
      log.bytes = log.bytes - #entry + #head + #ARGV[5]
    end
  end
end
if log.length > 0 then redis.pcall('SET', KEYS[1], headOf(log), 'PX', ARGV[2]) end
return 1
