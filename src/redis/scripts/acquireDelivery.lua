-- Reserves a webhook delivery for one instance. KEYS delivery. ARGV TTL of the reservation.
local state = redis.pcall('GET', KEYS[1])
if state == 'processed' or state == 'inProgress' then return state end
redis.call('SET', KEYS[1], 'inProgress', 'PX', ARGV[1])
return 'acquired'
