-- The events for the web app, written in the very step that makes the move: an event exists if and only if its move does.
-- EVENTS_TO (string)      there, while some worker calls a task with each event
-- OUTBOX (stream)         for it: id (the same however often it is sent), content (JSON: type, at (ms), data)
-- EVENTS (stream)         all of them, taken or not, for a replay: id, content; the latest
-- WEBHOOKS_TO (string)    there, while some worker posts each event to an address
-- WEBHOOKS (hash)         for it: id -> content, as above
-- WEBHOOKS_DUE (zset)     id -> ms at which it is posted
-- WEBHOOKS_TRIES (hash)   id -> how often that failed
-- WEBHOOKS_DEAD (zset)    id -> ms at which it happened; events that nobody took, kept for an operator
-- WEBHOOKS_ENDPOINT (hash)   of the address: name (a hash of it), misses (in a row), open_until, probe_until, stopped (ms)

local function task_wanted()
  return redis.call('EXISTS', EVENTS_TO) == 1
end

local function webhook_wanted()
  return redis.call('EXISTS', WEBHOOKS_TO) == 1
end

local function somebody_listens()
  return redis.call('EXISTS', EVENTS_TO, WEBHOOKS_TO) > 0
end

-- How many events are kept for a replay, and for how long (ms).
local EVENTS_MOST, EVENTS_FOR = 100000, 7 * 86400000

local function emit(id, what, now, data)
  local content = cjson.encode({type = what, at = now, data = data})
  redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_MOST, '*', 'id', id, 'content', content)
  redis.call('PEXPIRE', EVENTS, EVENTS_FOR)
  if task_wanted() then redis.call('XADD', OUTBOX, '*', 'id', id, 'content', content) end
  if webhook_wanted() then
    redis.call('HSET', WEBHOOKS, id, content)
    redis.call('ZADD', WEBHOOKS_DUE, now, id)
  end
end
