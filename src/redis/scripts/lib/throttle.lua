-- Longer than HelpCrunch can pause an account and the limit takes to recover.
local throttleTtlMs = 1800000
local function getThrottle(key)
  local text = redis.pcall('GET', key)
  local state = type(text) == 'string' and decode(text)
  if not state then return nil end
  for _, name in ipairs({ 'version', 'pauseMs', 'adaptiveLimit', 'minLimit', 'limitUpdatedAt' }) do
    if not isNumber(state[name], 9007199254740991) then return nil end
  end
  for _, name in ipairs({ 'pausedUntil', 'probeUntil' }) do
    if not isNumber(state[name], now + throttleTtlMs) then return nil end
  end
  return state, text
end
local function setThrottle(key, text)
  redis.call('SET', key, text, 'PX', throttleTtlMs)
end
