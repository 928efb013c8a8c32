-- include: base
-- Giving back what the caps counted, or held in reserve, of a message that was proven not to be sent.
-- In the record: `counted` (JSON: day (key), numbers, texts, readers (hashes; see caps), countries (XX -> segments)), what this
-- message has been counted as; `expected`, `expected_on`: millionths held in reserve, and the key of the day that holds them.

-- What was held in reserve for a call that is over.
local function release_reserve(message)
  local reserve = fill({}, message.key, 'expected', 'expected_on')
  if not given(reserve.expected) then return end
  redis.call('HINCRBY', reserve.expected_on, 'pending', -number(reserve.expected))
  redis.call('HDEL', message.key, 'expected', 'expected_on')
end

-- `part` (as `counted`, without the day): some of its recipients; nil: all of them.
local function give_back(message, part)
  local text = redis.call('HGET', message.key, 'counted')
  local readable, counted = pcall(cjson.decode, text or '')
  if not readable or type(counted) ~= 'table' then return end
  part = part or counted
  for country, segments in pairs(part.countries) do
    redis.call('HINCRBY', counted.day, 'country:' .. country, -segments)
    counted.countries[country] = number(counted.countries[country]) - segments
  end
  for _, hash in ipairs(part.numbers) do redis.call('ZREM', CAPS .. 'to:' .. hash, message.id) end
  for _, hashes in ipairs(part.readers or {}) do
    for _, hash in ipairs(hashes) do redis.call('ZREM', CAPS .. 'week:' .. hash, message.id) end
  end
  for _, hash in ipairs(part.texts) do
    if redis.call('GET', CAPS .. 'same:' .. hash) == message.id then redis.call('DEL', CAPS .. 'same:' .. hash) end
  end
  if part == counted then
    redis.call('HDEL', message.key, 'counted')
  else
    redis.call('HSET', message.key, 'counted', cjson.encode(counted))
  end
end
