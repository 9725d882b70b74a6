-- Adds permits to an account's window, unless the window or the throttle has changed since the caller read them, or permits that the caller
-- knows are missing, and returns both. Without permits it only reads. Also stores the report of the instance and returns the reports of the
-- others.
-- KEYS leases, window, throttle. ARGV instance, version of the window, version of the throttle, limit, window, lease TTL, report TTL, report,
-- number of leases that must be there; leases. All times in milliseconds, rounded so that a permit is never released early.
local leases, window, throttle = KEYS[1], KEYS[2], KEYS[3]
local instance, expectedVersion, throttleVersion = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local limit, windowMs, leaseTtl = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local reportTtl, report, expectedCount = tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9])
local firstLease = 10
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
local recovery = redis.call('HGET', window, 'recovery')
local recoversAt = tonumber(recovery and string.match(recovery, '^(%d+) $') or 0)
local recoveryMs = recoversAt < now + maxLeaseMs and math.max(0, recoversAt - now) or 0
local state, text = getThrottle(throttle)
local count = #ARGV - firstLease + 1
local heldCount = redis.call('ZCARD', leases)
local isPaused = state and state.pausedUntil > 0
local mayStart = not isPaused or (count == 1 and now >= state.pausedUntil and now >= state.probeUntil)
local isGranted = count > 0 and version == expectedVersion and (state and state.version or 0) == throttleVersion
  and mayStart and recoveryMs == 0 and heldCount >= expectedCount and heldCount + count <= limit
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
    if not expiresAt or tonumber(expiresAt) <= now then
      redis.call('HDEL', window, fields[i])
    elseif other ~= '' then
      reports[#reports + 1] = other
    end
  end
end

local held = redis.call('ZRANGE', leases, 0, -1, 'WITHSCORES')
for i = 2, #held, 2 do held[i] = tonumber(held[i]) - now end
return { isGranted and 1 or 0, version, now, text or '', reports, held, recoveryMs }
