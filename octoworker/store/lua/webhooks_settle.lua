-- include: base
-- Write what became of posting an event.
-- KEYS  none
-- ARGV  1 id   2 outcome (JSON: endpoint (its name), came_to ('sent' | 'failed' | 'gone'), delay (ms to its next try), rest (ms
--         for which the address wants to be left alone), most (tries), opens_after (misses in a row), base, cap (ms of the
--         breaker), dead_for (ms), dead_most)
-- returns  {'sent' | 'again' | 'dead' | 'gone', 'stopped' | ''}
--          sent: also when somebody else had sent it meanwhile   again: it is due later   dead: it was its last try
--          gone: it waits until an operator lets it go   stopped: this very answer stopped the address
local id, outcome, now = ARGV[1], cjson.decode(ARGV[2]), clock()
local of_this_endpoint = redis.call('HGET', WEBHOOKS_ENDPOINT, 'name') == outcome.endpoint

local function forget_event(each)
  redis.call('ZREM', WEBHOOKS_DUE, each)
  redis.call('ZREM', WEBHOOKS_DEAD, each)
  redis.call('HDEL', WEBHOOKS_TRIES, each)
  redis.call('HDEL', WEBHOOKS, each)
end

-- The oldest of the dead go, a few at each new one.
local function prune_dead()
  local old = redis.call('ZRANGE', WEBHOOKS_DEAD, '-inf', now - outcome.dead_for, 'BYSCORE', 'LIMIT', 0, 10)
  local beyond = math.min(10, redis.call('ZCARD', WEBHOOKS_DEAD) - outcome.dead_most)
  for _, each in ipairs(old) do forget_event(each) end
  for _, each in ipairs(beyond > 0 and redis.call('ZRANGE', WEBHOOKS_DEAD, 0, beyond - 1) or {}) do forget_event(each) end
end

local function note_failure()
  local misses = redis.call('HINCRBY', WEBHOOKS_ENDPOINT, 'misses', 1)
  local wait = outcome.rest
  if misses >= outcome.opens_after then
    wait = math.max(wait, math.min(outcome.cap, outcome.base * 2 ^ math.min(20, misses - outcome.opens_after)))
  end
  if wait > 0 then redis.call('HSET', WEBHOOKS_ENDPOINT, 'open_until', string.format('%.0f', now + wait)) end
  redis.call('HDEL', WEBHOOKS_ENDPOINT, 'probe_until')
end

local function try_again(content)
  local tries = redis.call('HINCRBY', WEBHOOKS_TRIES, id, 1)
  if tries < outcome.most then
    redis.call('ZADD', WEBHOOKS_DUE, now + math.max(outcome.delay, outcome.rest), id)
    return 'again'
  end
  redis.call('ZADD', WEBHOOKS_DEAD, cjson.decode(content).at, id)
  redis.call('ZREM', WEBHOOKS_DUE, id)
  redis.call('HDEL', WEBHOOKS_TRIES, id)
  prune_dead()
  return 'dead'
end

if outcome.came_to == 'sent' then
  if of_this_endpoint then redis.call('HDEL', WEBHOOKS_ENDPOINT, 'misses', 'open_until', 'probe_until') end
  forget_event(id)
  return {'sent', ''}
end
local content = redis.call('HGET', WEBHOOKS, id)
if not content or not redis.call('ZSCORE', WEBHOOKS_DUE, id) then return {'sent', ''} end
if outcome.came_to == 'gone' and of_this_endpoint then
  local first = redis.call('HSETNX', WEBHOOKS_ENDPOINT, 'stopped', now) == 1
  redis.call('ZADD', WEBHOOKS_DUE, now, id)
  return {'gone', first and 'stopped' or ''}
end
if of_this_endpoint then note_failure() end
return {try_again(content), ''}
