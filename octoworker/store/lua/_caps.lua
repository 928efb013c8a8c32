-- The caps against runaway loops and SMS pumping. Nothing is counted until the message goes, and each message counts once.
-- prefix .. to:HASH (zset)  id -> ms, for one number, a day long    prefix .. same:HASH (string)  id that had this text last
-- day (hash)  country:XX, segments, spent, pending (millionths of the currency): one day in Paris
-- wish  numbers, texts (hashes), countries (XX -> segments), tomorrow (ms)
local HOUR, DAY = 3600000, 86400000

-- ISO-8601 in UTC, to the second: scripts have no calendar.
local function iso(ms)
  local days, rest = math.floor(ms / DAY), math.floor(ms % DAY / 1000)
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02dZ', year, month, doy - math.floor((153 * mp + 2) / 5) + 1,
                       math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60)
end

local function over(key, now, window, most, id)
  if most == 0 or redis.call('ZSCORE', key, id) then return end
  local count = redis.call('ZCOUNT', key, now - window + 1, '+inf')
  if count < most then return end
  local oldest = redis.call('ZRANGEBYSCORE', key, now - window + 1, '+inf', 'WITHSCORES', 'LIMIT', count - most, 1)
  return tonumber(oldest[2]) + window
end

-- Millionths of the currency that this message will cost, by what the last one to each country did.
local function expected(account, wish)
  local sum = 0
  for country, segments in pairs(wish.countries) do
    sum = sum + segments * number(redis.call('HGET', account, 'price:' .. country))
  end
  return sum
end

-- Which cap stops it, when it may go (ms), and whether it is refused whatever the setting: a repeat, or more than a whole
-- day allows, which would wait for ever. Or nil.
local function capped(prefix, day, account, caps, wish, id, now)
  for _, text in ipairs(caps.same > 0 and wish.texts or {}) do
    local before = redis.call('GET', prefix .. 'same:' .. text)
    if before and before ~= id then
      local at = now + math.max(0, redis.call('PTTL', prefix .. 'same:' .. text))
      return 'the same text went to the same number (OCTOWORKER_CAP_SAME_TEXT)', at, true
    end
  end
  for _, number_ in ipairs(wish.numbers) do
    local key = prefix .. 'to:' .. number_
    local at = over(key, now, HOUR, caps.hour, id)
    if at then return 'a number has had its SMS for this hour (OCTOWORKER_CAP_HOUR)', at end
    at = over(key, now, DAY, caps.day, id)
    if at then return 'a number has had its SMS for this day (OCTOWORKER_CAP_DAY)', at end
  end
  for country, segments in pairs(wish.countries) do
    local most = caps.countries[country] or caps.countries['*']
    if most and segments > most then
      return 'it has more SMS to ' .. country .. ' than a day allows (OCTOWORKER_CAP_COUNTRIES)', nil, true
    end
    if most and number(redis.call('HGET', day, 'country:' .. country)) + segments > most then
      return 'the SMS of this day to ' .. country .. ' are used up (OCTOWORKER_CAP_COUNTRIES)', wish.tomorrow
    end
  end
  if caps.money > 0 then
    local f, cost = redis.call('HMGET', day, 'spent', 'pending'), expected(account, wish)
    if cost > caps.money then return 'it costs more than a day allows (OCTOWORKER_CAP_MONEY)', nil, true end
    if number(f[1]) + number(f[2]) + cost > caps.money then
      return 'the money of this day is spent (OCTOWORKER_CAP_MONEY)', wish.tomorrow
    end
  end
end

local function count_in(prefix, day, account, caps, wish, record, id, now)
  for _, text in ipairs(caps.same > 0 and wish.texts or {}) do
    redis.call('SET', prefix .. 'same:' .. text, id, 'PX', caps.same)
  end
  for _, number_ in ipairs((caps.hour > 0 or caps.day > 0) and wish.numbers or {}) do
    redis.call('ZADD', prefix .. 'to:' .. number_, now, id)
    redis.call('ZREMRANGEBYSCORE', prefix .. 'to:' .. number_, '-inf', now - DAY)
    redis.call('PEXPIRE', prefix .. 'to:' .. number_, caps.day > 0 and DAY or HOUR)
  end
  for country, segments in pairs(wish.countries) do redis.call('HINCRBY', day, 'country:' .. country, segments) end
  local cost = expected(account, wish)
  redis.call('HINCRBY', day, 'pending', cost)
  redis.call('PEXPIRE', day, 8 * DAY)
  redis.call('HSET', record, 'counted', 1, 'expected', cost, 'expected_on', day)
end
