-- include: base
-- How often a message has gone on to another key, in all. Of what Redis may forget this alone is dangerous: every other message
-- that it knows of as it was goes out under the key that it went out with before, and the provider ignores that call.
-- EPOCH (hash)  second_keys: so many   at (ms): the last
--               reviewing_until (ms): those taken before are being left to an operator, because Redis went back to an older state
--               of the last time: noticed (ms), lost_from (ms, or 0), to_review (messages)

-- As this call of the script knows it.
local known = nil

local function known_epoch()
  known = known or fill({}, EPOCH, 'second_keys', 'reviewing_until')
  return known
end

local function next_epoch(now)
  local epoch = redis.call('HINCRBY', EPOCH, 'second_keys', 1)
  redis.call('HSET', EPOCH, 'at', string.format('%.0f', now))
  return epoch
end
