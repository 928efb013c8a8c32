-- include: base
-- Take events that are due to be posted, each for one worker: it is posted by another when nothing is heard of it in time.
-- An address that fails again and again is left alone for a while, then tried with one event; one that is gone is not called.
-- KEYS  none
-- ARGV  1 request (JSON: endpoint (its name), slice, lease (ms))
-- returns  now (ms), then id, content, tries before of each
local request, now = cjson.decode(ARGV[1]), clock()
local endpoint = fill({}, WEBHOOKS_ENDPOINT, 'name', 'open_until', 'probe_until', 'stopped')
-- Another address has done nothing wrong yet.
if endpoint.name ~= request.endpoint then
  redis.call('HSET', WEBHOOKS_ENDPOINT, 'name', request.endpoint)
  redis.call('HDEL', WEBHOOKS_ENDPOINT, 'misses', 'open_until', 'probe_until', 'stopped')
  endpoint = {}
end
if endpoint.stopped or number(endpoint.open_until) > now or number(endpoint.probe_until) > now then return {now} end
local probing = number(endpoint.open_until) > 0

local taken = {now}
local due = redis.call('ZRANGE', WEBHOOKS_DUE, '-inf', now, 'BYSCORE', 'LIMIT', 0, probing and 1 or request.slice)
for _, id in ipairs(due) do
  local content = redis.call('HGET', WEBHOOKS, id)
  if content then
    if probing then redis.call('HSET', WEBHOOKS_ENDPOINT, 'probe_until', now + request.lease) end
    redis.call('ZADD', WEBHOOKS_DUE, now + request.lease, id)
    taken[#taken + 1], taken[#taken + 2], taken[#taken + 3] = id, content, number(redis.call('HGET', WEBHOOKS_TRIES, id))
  else
    redis.call('ZREM', WEBHOOKS_DUE, id)
  end
end
return taken
