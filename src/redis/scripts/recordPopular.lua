-- Records when entries were requested, unless cached data was erased since the caller has read them.
-- KEYS popular entries, last erasure. ARGV expected erasure, oldest time to keep, maximum number, TTL; time and name of each entry.
-- Returns the last erasure.
deleteUnlessType(KEYS[1], 'zset')
local erasure = redis.pcall('GET', KEYS[2])
if type(erasure) ~= 'string' then erasure = '' end
if erasure ~= ARGV[1] then return erasure end
for i = 5, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return erasure
