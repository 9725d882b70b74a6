-- Registers an instance and returns the number of live instances, and whether this one was unknown. KEYS instances. ARGV instance, TTL.
deleteUnlessType(KEYS[1], 'zset')
local isNew = redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { redis.call('ZCARD', KEYS[1]), isNew }
