-- include: base
-- One-time codes, and the guard against pumping: codes that go to numbers which somebody is paid for, and are never typed in.
-- CODES .. ID (hash)              key (name), expires_at, sent_at (ms), sends, checks, most_checks, place, country, address (hash), refused,
--                                 used (ms); it lives as long as the code
-- CODES .. of:PLACE (string)      the id of the one that is open for a number and a purpose
-- CODES .. day:DAY (hash)         sent:XX, verified:XX by country; suspected, refused; DAY counts days of Redis' clock. 15 days
-- CODES .. hour:HOUR (hash)       the same of an hour. 2 hours
-- CODES .. from:ADDRESS:DAY (hash)  sent, verified, and country:XX: codes to a country that nobody typed in. A day
-- CODES .. total (hash)           started:XX, verified:XX, expired:XX, refused:XX: since there are codes, for the metrics
-- CODES .. open (zset)            COUNTRY:ID by the instant at which it expires: those that are neither verified nor counted as expired
-- The limits are those that authgear publishes; they are about codes that nobody typed in.

local DAY, HOUR = 86400000, 3600000

local ON_ITS_WAY = {queued = true, scheduled = true, submitting = true, waiting = true, unknown = true}

local function day_of(now) return string.format('%.0f', math.floor(now / DAY)) end

local function hour_of(now) return string.format('%.0f', math.floor(now / HOUR)) end

local function message_of(id, send) return string.sub(id, 1, 30) .. string.format('%02x', send) end

local function read_code(id)
  local code = fill({id = id}, CODES .. id, 'key', 'expires_at', 'sent_at', 'sends', 'checks', 'most_checks', 'place', 'country',
                    'address', 'refused', 'used')
  return code.key and code or nil
end

local function of_country(key, country)
  local found = redis.call('HMGET', key, 'sent:' .. country, 'verified:' .. country)
  return number(found[1]), number(found[2])
end

local function best_day(country, now)
  local best = 0
  for back = 1, 14 do
    best = math.max(best, number(redis.call('HGET', CODES .. 'day:' .. day_of(now - back * DAY), 'verified:' .. country)))
  end
  return best
end

-- Why this is suspected; nil when it is not.
local function suspicion(country, address, now)
  local sent, verified = of_country(CODES .. 'day:' .. day_of(now), country)
  local a_day = math.max(20, best_day(country, now) / 5, verified / 5)
  if sent + 1 - verified > a_day then return 'country, day' end
  local sent_now, verified_now = of_country(CODES .. 'hour:' .. hour_of(now), country)
  if sent_now + 1 - verified_now > math.max(3, a_day / 6, verified_now / 5) then return 'country, hour' end
  if address == '' then return nil end
  local from = redis.call('HGETALL', CODES .. 'from:' .. address .. ':' .. day_of(now))
  local countries, counts = 0, {}
  for n = 1, #from, 2 do
    counts[from[n]] = number(from[n + 1])
    if string.sub(from[n], 1, 8) == 'country:' and number(from[n + 1]) > 0 and from[n] ~= 'country:' .. country then
      countries = countries + 1
    end
  end
  if countries >= 3 then return 'address, countries' end
  local its, right = counts.sent or 0, counts.verified or 0
  if its + 1 - right > math.max(10, right / 5) then return 'address, day' end
end

local function count(key, field, keep)
  redis.call('HINCRBY', key, field, 1)
  redis.call('PEXPIRE', key, keep)
end

-- Of an hour or a day the guard needs the counts; of all time the metrics.
local function count_total(what, country)
  redis.call('HINCRBY', CODES .. 'total', what .. ':' .. country, 1)
end

-- Those whose time is over since somebody last looked.
local function count_expired(now)
  local over = redis.call('ZRANGE', CODES .. 'open', '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)
  for _, each in ipairs(over) do
    redis.call('ZREM', CODES .. 'open', each)
    count_total('expired', string.match(each, '^(.*):'))
  end
end

local function count_started(code, country)
  redis.call('ZADD', CODES .. 'open', code.expires_at, country .. ':' .. code.id)
  redis.call('PEXPIRE', CODES .. 'open', 15 * DAY)
  count_total('started', country)
end

local function count_sent(country, address, now)
  count(CODES .. 'day:' .. day_of(now), 'sent:' .. country, 15 * DAY)
  count(CODES .. 'hour:' .. hour_of(now), 'sent:' .. country, 2 * HOUR)
  if address == '' then return end
  local from = CODES .. 'from:' .. address .. ':' .. day_of(now)
  count(from, 'sent', DAY)
  count(from, 'country:' .. country, DAY)
end

-- A code that was typed in clears its country for the address that asked for it.
local function count_verified(country, address, now)
  count(CODES .. 'day:' .. day_of(now), 'verified:' .. country, 15 * DAY)
  count(CODES .. 'hour:' .. hour_of(now), 'verified:' .. country, 2 * HOUR)
  if not given(address) then return end
  local from = CODES .. 'from:' .. address .. ':' .. day_of(now)
  count(from, 'verified', DAY)
  redis.call('HDEL', from, 'country:' .. country)
end
