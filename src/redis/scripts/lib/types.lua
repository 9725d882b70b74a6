-- Data of another program under one of the keys is treated as absent: it must neither fail a script nor block calls permanently.
local function isNumber(value, max)
  return type(value) == 'number' and value == value and value >= 0 and value <= max
end
local function deleteUnlessType(key, expected)
  local found = redis.call('TYPE', key).ok
  if found ~= expected and found ~= 'none' then redis.call('UNLINK', key) end
end
local function decode(text)
  local isJson, value = pcall(cjson.decode, text)
  return isJson and type(value) == 'table' and value
end
