-- include: base
-- An operator wants events to be posted again at once: a slice of those that nobody took, or of those that wait for their next
-- try. The address is called again, too, whatever it answered last.
-- KEYS  none
-- ARGV  1 request (JSON: since (ms at which an event happened), dead (bool: which of the two), offset, slice)
-- returns  {how many are due now, how many were looked at and left as they are}
local request, now = cjson.decode(ARGV[1]), clock()
local due, left = 0, 0

local function call_it_again()
  redis.call('HDEL', WEBHOOKS_ENDPOINT, 'misses', 'open_until', 'probe_until', 'stopped')
  return {due, left}
end

local function post_now(id)
  redis.call('ZADD', WEBHOOKS_DUE, now, id)
  redis.call('ZREM', WEBHOOKS_DEAD, id)
  redis.call('HDEL', WEBHOOKS_TRIES, id)
  due = due + 1
end

if request.dead then
  local ids = redis.call('ZRANGE', WEBHOOKS_DEAD, request.since, '+inf', 'BYSCORE', 'LIMIT', 0, request.slice)
  for _, id in ipairs(ids) do post_now(id) end
  return call_it_again()
end
local waiting = redis.call('ZRANGE', WEBHOOKS_DUE, '(' .. now, '+inf', 'BYSCORE', 'LIMIT', request.offset, request.slice)
for _, id in ipairs(waiting) do
  local content = redis.call('HGET', WEBHOOKS, id)
  -- One that is being posted for the first time right now has failed nowhere.
  local failed = content and redis.call('HEXISTS', WEBHOOKS_TRIES, id) == 1
  if failed and cjson.decode(content).at >= request.since then post_now(id) else left = left + 1 end
end
return call_it_again()
