-- Who wants no more SMS. A number stands here as a keyed hash: scripts have no key, so a worker hashes.
-- OPT_OUTS (hash)       hash -> JSON: since (ms), source (stop | reply | blacklisted | operator | import), ticket,
--                       scope (marketing | all)
-- HELD .. HASH (zset)   id -> ms: marketing to this number alone that is held or backlogged; and what Octopush holds for later

-- ms for which such an index outlives the instant its message waits for.
local HELD_FOR = 30 * 86400000

-- What stands under any of the hashes of a number, or nil.
local function opted_out(hashes)
  for _, found in ipairs(redis.call('HMGET', OPT_OUTS, unpack(hashes))) do
    if found then return cjson.decode(found) end
  end
end

-- Put a number in, under the first of its hashes. The first STOP counts, and the widest scope.
local function opt_out(hashes, entry, now)
  local before = opted_out(hashes)
  if before then
    entry.since, entry.source, entry.ticket = before.since, before.source, before.ticket
    if before.scope == 'all' then entry.scope = 'all' end
  end
  if not entry.since then entry.since = now end
  redis.call('HSET', OPT_OUTS, hashes[1], cjson.encode(entry))
end

local function index_held(message, hash, at)
  local key = HELD .. hash
  redis.call('ZADD', key, message.now, message.id)
  local ttl = math.max(0, at - message.now) + HELD_FOR
  if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, string.format('%.0f', ttl)) end
end

local function note_held(message, hash, at)
  -- Its recipient may be replaced by another.
  redis.call('HSET', message.key, 'held_as', hash)
  index_held(message, hash, at)
end
