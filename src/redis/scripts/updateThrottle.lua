-- Replaces the throttle state unless another instance has changed it. KEYS throttle. ARGV expected version, new state.
local state, text = getThrottle(KEYS[1])
if (state and state.version or 0) ~= tonumber(ARGV[1]) then return { 0, text or '' } end
setThrottle(KEYS[1], ARGV[2])
return { 1, ARGV[2] }
