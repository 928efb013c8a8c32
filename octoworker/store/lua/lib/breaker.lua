-- include: base
-- The breaker: no calls while Octopush does not answer, but for one probe at a time; then slowly back to the full pace.
-- BREAKER:ACCOUNT (hash)  state: open | ramp (closed: none); since, until (ms); step; probe: id; probe_until, heard (ms)
--                 recent: the last calls, nine characters each: the end of the id and + or -
-- A breaker that cannot be read counts as closed: it protects Octopush from us, not a promise.

-- Calls older than this (ms) say nothing about now.
local STALE = 60000
-- Characters of one call in `recent`.
local CALL = 9

-- `broken`: Redis has something else under its name.
local function read_breaker(limits)
  local all, breaker = redis.pcall('HGETALL', of_account(BREAKER, limits)), {}
  if all.err then return {broken = true} end
  for n = 1, #all, 2 do breaker[all[n]] = all[n + 1] end
  return breaker
end

local function open_breaker(limits, now, step)
  local key = of_account(BREAKER, limits)
  redis.call('HSET', key, 'state', 'open', 'since', now, 'step', step, 'recent', '',
             'until', string.format('%.0f', now + math.min(limits.breaker_cap, limits.breaker_base * 2 ^ step)))
  redis.call('HDEL', key, 'probe', 'probe_until')
end

-- The message that was to be the probe makes no call: the scheduler's next look chooses another.
local function no_probe(message, limits)
  local key = of_account(BREAKER, limits)
  if redis.pcall('HGET', key, 'probe') == message.id then redis.call('HDEL', key, 'probe', 'probe_until') end
end

local function heard_from_probe(limits, now, step, health)
  if health == 'fault' then
    open_breaker(limits, now, step + 1)
    return nil
  end
  local key = of_account(BREAKER, limits)
  redis.call('HSET', key, 'state', 'ramp', 'since', now, 'recent', '')
  redis.call('HDEL', key, 'probe', 'probe_until', 'until')
  return 'breaker_closed'
end

-- As this call of the script knows it, until it writes there.
local known_breaker = nil

-- What a call says about Octopush itself: 'ok' or 'fault'. Returns an alert or nil, and whether this was the probe.
local function heard(message, limits, health)
  if number(limits.breaker_calls) == 0 or not given(health) then return nil, false end
  known_breaker = known_breaker or read_breaker(limits)
  local now, breaker, key = message.now, known_breaker, of_account(BREAKER, limits)
  if breaker.broken then
    redis.call('DEL', key)
    known_breaker = nil
  end
  local state, step, recent = breaker.state, number(breaker.step), breaker.recent or ''
  if state == 'open' then
    if breaker.probe ~= message.id then return nil, false end
    known_breaker = nil
    return heard_from_probe(limits, now, step, health), true
  end
  if state == 'ramp' and math.abs(now - number(breaker.since)) >= limits.breaker_ramp then
    redis.call('HDEL', key, 'state', 'since', 'step')
    known_breaker, state = nil, nil
  end
  local entry, size = string.sub(message.id, 1 - CALL), limits.breaker_calls
  local calm = not string.find(recent, '-', 1, true)
  -- The usual call after many that went well says nothing new, and writes nothing.
  if health == 'ok' and calm and #recent >= CALL * size then return nil, false end
  known_breaker = nil
  if number(breaker.heard) < now - STALE then recent = '' end
  -- One message counts once as a fault, however often it is tried.
  if health == 'fault' and string.find(recent, entry .. '-', 1, true) then return nil, false end
  recent = string.sub(recent .. entry .. (health == 'ok' and '+' or '-'), -CALL * size)
  local _, faults = string.gsub(recent, '-', '')
  local calls = #recent / CALL
  -- Half a window is enough to know; a recovery that fails is known sooner.
  if calls >= math.ceil(size / (state == 'ramp' and 5 or 2)) and faults * 2 > calls then
    open_breaker(limits, now, state == 'ramp' and step + 1 or 0)
    return 'breaker_opened', false
  end
  redis.call('HSET', key, 'recent', recent, 'heard', now)
  return nil, false
end
