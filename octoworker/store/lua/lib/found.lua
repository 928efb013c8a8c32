-- include: base
-- What a message is found by: hashes of its numbers and of its reference (sms.terms; scripts have no key, so a worker hashes).
-- FOUND .. begin of a hash (zset)   rest of the hash .. id -> s. In small sets, which take a third of the memory of large ones.

local BEGIN = 4
-- ms for which a message may wait before its record begins to end.
local LONGEST_WAIT = 366 * 86400000
-- Old members that are looked at when a new one comes: more than come, so that a set grows no longer than its records are kept.
local LOOKED_AT = 2

local function place_of(hash)
  return FOUND .. string.sub(hash, 1, BEGIN)
end

-- A member goes once its record has gone.
local function drop_gone(place, second, keep)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', place, '-inf', second - keep / 1000, 'LIMIT', 0, LOOKED_AT)) do
    if redis.call('EXISTS', RECORDS .. string.sub(member, -32)) == 1 then
      redis.call('ZADD', place, second, member)
    else
      redis.call('ZREM', place, member)
    end
  end
end

local function note_found(message, hashes)
  if not given(hashes) then return end
  local second = math.floor(message.now / 1000)
  for _, hash in ipairs(hashes) do
    local place = place_of(hash)
    redis.call('ZADD', place, second, string.sub(hash, BEGIN + 1) .. message.id)
    drop_gone(place, second, message.keep)
    redis.call('PEXPIRE', place, string.format('%.0f', message.keep + LONGEST_WAIT))
  end
end

local function lose(message, hashes)
  for _, hash in ipairs(hashes) do
    redis.call('ZREM', place_of(hash), string.sub(hash, BEGIN + 1) .. message.id)
  end
end
