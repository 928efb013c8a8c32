-- include: base, events
-- An operator wants events to be sent again, those that were taken among them: a slice of the log. Each keeps its id, so that a
-- web app can drop what it knows.
-- KEYS  none
-- ARGV  1 request (JSON: since (ms at which an event happened), from (where in the log to go on, or ''), slice)
-- returns  {how many are sent again, where to go on ('': the log ends here)}
local request, now = cjson.decode(ARGV[1]), clock()
local count, last = 0, ''

-- What still stands there is sent anyway; what failed is `webhooks_replay`'s.
local function post_again(id, content)
  if not webhook_wanted() or redis.call('HEXISTS', WEBHOOKS, id) == 1 then return false end
  redis.call('HSET', WEBHOOKS, id, content)
  redis.call('ZADD', WEBHOOKS_DUE, now, id)
  return true
end

local function send_again(id, content)
  if not task_wanted() then return false end
  redis.call('XADD', OUTBOX, '*', 'id', id, 'content', content)
  return true
end

local from = given(request.from) and '(' .. request.from or string.format('%.0f', request.since)
local entries = redis.call('XRANGE', EVENTS, from, '+', 'COUNT', request.slice)
for _, entry in ipairs(entries) do
  local place, fields = unpack(entry)
  local _, id, _, content = unpack(fields)
  last = place
  if cjson.decode(content).at >= request.since then
    local sent, posted = send_again(id, content), post_again(id, content)
    if sent or posted then count = count + 1 end
  end
end
return {count, #entries == request.slice and last or ''}
