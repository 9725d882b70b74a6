-- Adds permits to an account's window, unless the window or the throttle has changed since the caller read them, and returns both. Without
-- permits it only reads. Also stores the report of the instance and returns the reports of the others.
-- KEYS leases, window, throttle. ARGV instance, version of the window, version of the throttle, limit, window, lease TTL, report TTL, report;
-- leases. All times in milliseconds, rounded so that a permit is never released early.
local leases, window, throttle = KEYS[1], KEYS[2], KEYS[3]
local instance, expectedVersion, throttleVersion = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local limit, windowMs, leaseTtl = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local reportTtl, report = tonumber(ARGV[7]), ARGV[8]
local firstLease = 9
-- Longer than a permit counts with any settings.
local maxLeaseMs = 3600000

deleteUnlessType(leases, 'zset')
deleteUnlessType(window, 'hash')
redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
redis.call('ZREMRANGEBYSCORE', leases, now + maxLeaseMs, '+inf')
local storedVersion = redis.call('HGET', window, 'version')
local version = storedVersion and string.match(storedVersion, '^%d+$') and #storedVersion < 15 and tonumber(storedVersion)
if not version then
  redis.call('HDEL', window, 'version')
  version = 0
end
local state, text = getThrottle(throttle)
local count = #ARGV - firstLease + 1
local isPaused = state and state.pausedUntil > 0
local mayStart = not isPaused or (count == 1 and now >= state.pausedUntil and now >= state.probeUntil)
local isGranted = count > 0 and version == expectedVersion and (state and state.version or 0) == throttleVersion
  and mayStart and redis.call('ZCARD', leases) + count <= limit
if isGranted then
  for i = firstLease, #ARGV do redis.call('ZADD', leases, now + 1 + leaseTtl + windowMs, ARGV[i]) end
  redis.call('PEXPIRE', leases, leaseTtl + windowMs + 1000)
  version = redis.call('HINCRBY', window, 'version', 1)
  if isPaused then
    state.version = state.version + 1
    state.probeUntil = now + leaseTtl
    text = cjson.encode(state)
    setThrottle(throttle, text)
  end
end

if report == '' then
  redis.call('HDEL', window, 'report:' .. instance)
else
  redis.call('HSET', window, 'report:' .. instance, now + reportTtl .. ' ' .. report)
end
redis.call('PEXPIRE', window, leaseTtl + windowMs + reportTtl + 1000)
local reports = {}
local fields = redis.call('HGETALL', window)
for i = 1, #fields, 2 do
  if fields[i] ~= 'version' and fields[i] ~= 'report:' .. instance then
    local expiresAt, other = string.match(fields[i + 1], '^(%d+) (.*)$')
    if expiresAt and tonumber(expiresAt) > now then
      reports[#reports + 1] = other
    else
      redis.call('HDEL', window, fields[i])
    end
  end
end

local held = redis.call('ZRANGE', leases, 0, -1, 'WITHSCORES')
for i = 2, #held, 2 do held[i] = tonumber(held[i]) - now end
return { isGranted and 1 or 0, version, now, text or '', reports, held }
