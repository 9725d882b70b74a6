-- Reads entries of a log. KEYS head, entries, ids of entries. ARGV id of a new log, TTL of its head until it has entries, TTL of the head of
-- other logs, position of the last entry that is known, maximum number.
-- Returns the time, the positions of the first and the last entry of the log, the id of the last, and the entries after the known one.
local log = openLog(ARGV[1])
if log.last == 0 then redis.pcall('SET', KEYS[1], headOf(log), 'PX', ARGV[2]) else redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
local first = log.last - log.length + 1
local from = math.max(ARGV[4] + 1 - first, 0)
return { now, first, log.last, log.lastId, redis.call('LRANGE', KEYS[2], from, from + ARGV[5] - 1) }
