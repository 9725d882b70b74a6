-- KEYS leases. ARGV window, number of completed calls, their leases; then leases whose calls were never sent.
deleteUnlessType(KEYS[1], 'zset')
for i = 3, #ARGV do
  if i - 2 <= tonumber(ARGV[2]) then
    redis.call('ZADD', KEYS[1], 'XX', now + 1 + ARGV[1], ARGV[i])
  else
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
