-- What every script stands on: Redis' clock, values as they come from Redis and JSON, fields by their names.
-- A script that fails half way is not undone. Redis decides once, when a script starts, whether memory is left for it;
-- so each script's first change is one that a full Redis refuses (HSET, HINCRBY), before any that it would let pass (HDEL).
-- The clock that counts is the clock of Redis: no worker's clock decides anything here.

local instant = nil

local function clock()
  if not instant then
    local time = redis.call('TIME')
    instant = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  end
  return instant
end

local function number(text)
  return tonumber(text or '') or 0
end

local function given(value)
  return value and value ~= cjson.null and value ~= ''
end

-- The key of what is kept for each account (an API's name and a hash of a login). `limits` name the caller's own.
local function of_account(key, limits)
  return given(limits.account) and key .. ':' .. limits.account or key
end

-- The fields of a hash with these names, put into a table by their names; false where there is none.
local function fill(found, key, ...)
  local names, values = {...}, redis.call('HMGET', key, ...)
  for n = 1, #names do found[names[n]] = values[n] end
  return found
end
