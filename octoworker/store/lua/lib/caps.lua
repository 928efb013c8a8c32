-- include: base
-- The caps against runaway loops and SMS pumping. Nothing is counted until the message goes, and each message counts once.
-- CAPS .. to:HASH (zset)      id -> ms, for one number, a day long
-- CAPS .. week:HASH (zset)    id -> ms, marketing to one number, a week long; by keyed hashes, as the list of opt-outs has them
-- CAPS .. same:HASH (string)  id that had this text last
-- DAYS .. DATE (hash)         country:XX, segments, spent, pending (millionths of the currency): one day in Paris
-- ACCOUNT:NAME (hash)         price:XX, dearest: millionths for a segment, as the last answers said
-- `caps`: `limits` (hour, day, week, same (ms), countries, money, price (millionths), refuse); `day` and `account`, the keys of this
-- day and of the account that pays; `request`, what they need to know of the message: numbers, texts (hashes), readers (of marketing: the hashes
-- of each number, the newest key's first), countries
-- (XX -> segments; ZZ: nobody knows), tomorrow (ms), and surcharge where there is one (millionths, of all recipients together)

local HOUR, DAY = 3600000, 86400000
local WEEK = 7 * DAY

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

-- When (ms) a number that has had `most` messages within the window may have the next; nil when it may now.
local function over(key, message, window, most)
  local now = message.now
  if most == 0 or redis.call('ZSCORE', key, message.id) then return nil end
  local count = redis.call('ZCOUNT', key, now - window + 1, '+inf')
  if count < most then return nil end
  local oldest = redis.call('ZRANGEBYSCORE', key, now - window + 1, '+inf', 'WITHSCORES', 'LIMIT', count - most, 1)
  return tonumber(oldest[2]) + window
end

-- Millionths of the currency that this message will cost, by what the last one to each country did; where there was none, by
-- the dearest that is known, and where none is, by the setting.
local function expected(caps)
  local sum = caps.request.surcharge or 0
  for country, segments in pairs(caps.request.countries) do
    local known = fill({}, caps.account, 'price:' .. country, 'dearest')
    sum = sum + segments * number(known['price:' .. country] or known.dearest or caps.limits.price)
  end
  return sum
end

local function capped_by_text(caps, message)
  for _, text in ipairs(caps.limits.same > 0 and caps.request.texts or {}) do
    local before = redis.call('GET', CAPS .. 'same:' .. text)
    if before and before ~= message.id then
      local at = message.now + math.max(0, redis.call('PTTL', CAPS .. 'same:' .. text))
      return 'the same text went to the same number (OCTOWORKER_CAP_SAME_TEXT)', at, true
    end
  end
end

local function capped_by_number(caps, message)
  for _, hash in ipairs(caps.request.numbers) do
    local key = CAPS .. 'to:' .. hash
    local at = over(key, message, HOUR, caps.limits.hour)
    if at then return 'a number has had its SMS for this hour (OCTOWORKER_CAP_HOUR)', at end
    at = over(key, message, DAY, caps.limits.day)
    if at then return 'a number has had its SMS for this day (OCTOWORKER_CAP_DAY)', at end
  end
end

-- The same for marketing in a week, under whichever key it was counted.
local function over_week(hashes, message, most)
  local times = {}
  for _, hash in ipairs(hashes) do
    local key = CAPS .. 'week:' .. hash
    if redis.call('ZSCORE', key, message.id) then return nil end
    local found = redis.call('ZRANGEBYSCORE', key, message.now - WEEK + 1, '+inf', 'WITHSCORES')
    for n = 2, #found, 2 do times[#times + 1] = tonumber(found[n]) end
  end
  table.sort(times)
  if #times >= most then return times[#times - most + 1] + WEEK end
end

local function capped_by_week(caps, message)
  for _, hashes in ipairs(number(caps.limits.week) > 0 and caps.request.readers or {}) do
    local at = over_week(hashes, message, caps.limits.week)
    if at then return 'a number has had its marketing for this week (OCTOWORKER_CAP_WEEK)', at end
  end
end

local function capped_by_country(caps)
  for country, segments in pairs(caps.request.countries) do
    local most = caps.limits.countries[country] or caps.limits.countries['*']
    if most and segments > most then
      return 'it has more SMS to ' .. country .. ' than a day allows (OCTOWORKER_CAP_COUNTRIES)', nil, true
    end
    if most and number(redis.call('HGET', caps.day, 'country:' .. country)) + segments > most then
      return 'the SMS of this day to ' .. country .. ' are used up (OCTOWORKER_CAP_COUNTRIES)', caps.request.tomorrow
    end
  end
end

local function capped_by_money(caps, message)
  local most = caps.limits.money
  if most == 0 or given(message.expected) then return nil end
  local day, cost = fill({}, caps.day, 'spent', 'pending'), expected(caps)
  if cost > most then return 'it costs more than a day allows (OCTOWORKER_CAP_MONEY)', nil, true end
  if number(day.spent) + number(day.pending) + cost > most then
    return 'the money of this day is spent (OCTOWORKER_CAP_MONEY)', caps.request.tomorrow
  end
end

-- Why a cap stops it, when it may go (ms), and whether it is refused whatever the setting: a repeat, or more than a whole
-- day allows, which would wait for ever. Or nil. What was counted already is asked for its money alone: each call may cost some.
local function capped(caps, message)
  local all = {capped_by_text, capped_by_number, capped_by_week, capped_by_country, capped_by_money}
  for _, by in ipairs(message.counted and {capped_by_money} or all) do
    local reason, at, never = by(caps, message)
    if reason then return 'cap: ' .. reason .. (at and '; it may go at ' .. iso(at) or ''), at, never end
  end
end

-- Money is held in reserve until the outcome says what was spent.
local function reserve(caps, message)
  if caps.limits.money == 0 or given(message.expected) then return end
  local cost = expected(caps)
  redis.call('HINCRBY', caps.day, 'pending', cost)
  redis.call('PEXPIRE', caps.day, 8 * DAY)
  redis.call('HSET', message.key, 'expected', cost, 'expected_on', caps.day)
end

local function count_in(caps, message)
  if message.counted then return end
  local limits, request, id, now = caps.limits, caps.request, message.id, message.now
  for _, text in ipairs(limits.same > 0 and request.texts or {}) do
    redis.call('SET', CAPS .. 'same:' .. text, id, 'PX', limits.same)
  end
  for _, hash in ipairs((limits.hour > 0 or limits.day > 0) and request.numbers or {}) do
    local key = CAPS .. 'to:' .. hash
    redis.call('ZADD', key, now, id)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - DAY)
    redis.call('PEXPIRE', key, limits.day > 0 and DAY or HOUR)
  end
  for _, hashes in ipairs(number(limits.week) > 0 and request.readers or {}) do
    local key = CAPS .. 'week:' .. hashes[1]
    redis.call('ZADD', key, now, id)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - WEEK)
    redis.call('PEXPIRE', key, WEEK)
  end
  for country, segments in pairs(request.countries) do redis.call('HINCRBY', caps.day, 'country:' .. country, segments) end
  redis.call('PEXPIRE', caps.day, 8 * DAY)
  redis.call('HSET', message.key, 'counted', cjson.encode({
    day = caps.day, numbers = request.numbers, texts = request.texts, readers = request.readers, countries = request.countries}))
end
