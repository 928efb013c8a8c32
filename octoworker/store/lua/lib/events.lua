-- What a web app is told, in the very step that makes the move: an event exists if and only if its move does.
-- EVENTS_TO (string)  there, while some worker sends events
-- OUTBOX (stream)     id (the same however often it is sent), content (JSON: type, at (ms), data)

local function emit(id, what, now, data)
  redis.call('XADD', OUTBOX, '*', 'id', id, 'content', cjson.encode({type = what, at = now, data = data}))
end

local function somebody_listens()
  return redis.call('EXISTS', EVENTS_TO) == 1
end
