-- include: base
-- What a message is found by: hashes of its numbers and of its reference (sms.terms; scripts have no key, so a worker hashes).
-- FOUND .. begin of a hash (zset)   rest of the hash .. id -> s. In small sets, which take a third of the memory of large ones.
-- A set that is full hands on to those whose names are a letter longer: few messages do not have a key each, nor many a large set.

local SHORTEST, LONGEST = 3, 6
local FULL = 64
-- ms for which a message may wait before its record begins to end.
local LONGEST_WAIT = 366 * 86400000
-- Old members that are looked at when a new one comes: more than come, so that a set grows no longer than its records are kept.
local LOOKED_AT = 2

local function place_of(index, hash, length)
  return index .. string.sub(hash, 1, length)
end

local function member_of(hash, length, word)
  return string.sub(hash, length + 1) .. word
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

-- Put a word that ends with the id of the message under this hash.
local function put(index, message, hash, word)
  local second, length, place = math.floor(message.now / 1000), SHORTEST, place_of(index, hash, SHORTEST)
  while length < LONGEST and redis.call('ZCARD', place) >= FULL do
    -- Else one that is full would stay so, for nothing comes into it any more.
    drop_gone(place, second, message.keep)
    length = length + 1
    place = place_of(index, hash, length)
  end
  redis.call('ZADD', place, second, member_of(hash, length, word))
  drop_gone(place, second, message.keep)
  redis.call('PEXPIRE', place, string.format('%.0f', message.keep + LONGEST_WAIT))
end

local function note_found(message, hashes)
  for _, hash in ipairs(given(hashes) and hashes or {}) do put(FOUND, message, hash, message.id) end
end

local function lose(message, hashes)
  for _, hash in ipairs(hashes) do
    for length = SHORTEST, LONGEST do
      redis.call('ZREM', place_of(FOUND, hash, length), member_of(hash, length, message.id))
    end
  end
end
