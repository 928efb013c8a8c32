-- The gates: what holds messages back that are not to blame for it (pause, brake, breaker, pace), and the lines before them.
-- traffic (hash)  tat: ms at which the account's pace allows the next segment (GCRA); paced: when that was written (ms);
--                 turn: releases so far;
--                 pause:all|urgent|normal|bulk|marketing: since (ms); brake, brake_reason, brake_at; minute, sent, before: segments
-- breaker (hash)  state: open | ramp (closed: none); since, until (ms); step; probe: id; probe_until (ms); recent, heard
-- lines (zsets)   LANE:t and LANE:m (advertising): id -> ms since which the message may go. The clock releases them, oldest first.
--                 campaign:ID: those of a paused campaign; resuming it moves them to the lines of their lanes.
-- A breaker that cannot be read counts as closed: it protects Octopush from us, not a promise.

local LANES = {'urgent', 'normal', 'bulk'}
-- One release in ten begins with the lowest lane, one with the middle one, so that nobody starves behind the urgent.
local TURNS = {[0] = {'bulk', 'normal', 'urgent'}, [5] = {'normal', 'urgent', 'bulk'}}
-- ms that an urgent message may borrow from the pace of the others, instead of joining a line.
local BORROW = 1000
-- ms after which a message in a line is looked at, in case its line was lost.
local LOOK = 600000
-- Doublings of the pace from the first call after a recovery to the end of the ramp; it begins with two calls a second.
local DOUBLINGS = 10
-- Calls older than this (ms) say nothing about now.
local STALE = 60000

local function read_gates(traffic, breaker, limits, now)
  local t = redis.call('HMGET', traffic, 'tat', 'turn', 'brake', 'brake_reason', 'pause:all', 'pause:urgent', 'pause:normal',
                       'pause:bulk', 'pause:marketing', 'minute', 'sent', 'before', 'paced')
  local b = redis.pcall('HMGET', breaker, 'state', 'since', 'until', 'probe', 'probe_until')
  if b.err or limits.breaker_calls == 0 then b = {} end
  local tat, since, until_ = number(t[1]), number(b[2]), number(b[3])
  -- Written by a clock that has been set back since, or by another server's: the pace keeps what was left to wait, and
  -- no more; the breaker's times say nothing any longer.
  tat = tat - math.max(0, number(t[13]) - now)
  if since > now then since, until_ = 0, 0 end
  return {tat = tat, turn = number(t[2]), brake = t[3], brake_reason = t[4],
          paused = {all = t[5], urgent = t[6], normal = t[7], bulk = t[8], marketing = t[9]},
          minute = number(t[10]), sent = number(t[11]), before = number(t[12]),
          breaker = b[1], since = since, open_until = until_, probe = b[4], probe_until = number(b[5])}
end

local function paused(gates, lane, marketing)
  return gates.paused.all or gates.paused[lane] or (marketing and gates.paused.marketing)
end

-- Why nothing of this kind may go now, or nil.
local function shut(gates, id, lane, marketing)
  if gates.brake then return gates.brake_reason or 'the account is blocked' end
  if paused(gates, lane, marketing) then return 'paused by a person' end
  if gates.breaker == 'open' and gates.probe ~= id then return 'Octopush does not answer; it goes when a probe has come through' end
end

-- ms of the pace that one call takes; 0 when nothing limits it.
local function takes(gates, limits, now, segments)
  local ms = limits.rate > 0 and segments * 1000 / limits.rate or 0
  local passed = now - gates.since
  if gates.breaker == 'ramp' and passed < limits.breaker_ramp then
    ms = math.max(ms, 1000 / 2 ^ (1 + DOUBLINGS * passed / limits.breaker_ramp))
  end
  return ms
end

local function line_name(lane, marketing)
  return lane .. (marketing and ':m' or ':t')
end

local function anybody_ahead(lines, lane)
  for _, each in ipairs(LANES) do
    if redis.call('ZCARD', lines .. each .. ':t') > 0 or redis.call('ZCARD', lines .. each .. ':m') > 0 then return true end
    if each == lane then return false end
  end
end

-- Whether a message that comes fresh may go at once. Takes its part of the pace, in `gates`.
local function has_room(gates, limits, lines, now, lane, segments)
  local ms = takes(gates, limits, now, segments)
  if ms == 0 then return true end
  local ahead = limits.rate > 0 and (limits.burst - 1) * 1000 / limits.rate or 0
  if gates.breaker ~= 'ramp' and lane == 'urgent' then ahead = math.max(ahead, BORROW) end
  if gates.tat > now + ahead or anybody_ahead(lines, lane) then return false end
  gates.tat = math.max(gates.tat, now) + ms
  return true
end

-- Write down what went, for the pace and for the figure of it.
local function went(traffic, gates, now, segments)
  local minute = math.floor(now / 60000)
  if gates.minute ~= minute then
    gates.before = gates.minute == minute - 1 and gates.sent or 0
    gates.minute, gates.sent = minute, 0
  end
  redis.call('HSET', traffic, 'tat', string.format('%.3f', gates.tat), 'paced', now, 'minute', minute, 'sent', gates.sent + segments,
             'before', gates.before)
end

-- `stand`: line, state, uses, ready, segments, expires (ms or nil), keep (ms).
local function join(record, id, due_set, index, lines, now, stand, reason)
  redis.call('HSET', record, 'line', stand.line, 'segments', stand.segments, 'expires', given(stand.expires) and stand.expires or '')
  redis.call('HDEL', record, 'due', 'rung', 'granted')
  redis.call('ZADD', lines .. stand.line, stand.ready, id)
  move(record, id, index, now, stand.state, stand.uses > 0 and 'unknown' or 'waiting', reason, stand.keep)
  redis.call('ZADD', due_set, given(stand.expires) and math.min(stand.expires, now + LOOK) or now + LOOK, id)
end

local function change_line(record, id, lines, from, to, at)
  redis.call('HSET', record, 'line', to)
  redis.call('ZADD', lines .. to, at, id)
  redis.call('ZREM', lines .. from, id)
end

local function leave(record, id, lines)
  local line = redis.call('HGET', record, 'line')
  if line then
    redis.call('HDEL', record, 'line')
    redis.call('ZREM', lines .. line, id)
  end
end

local function open_breaker(breaker, limits, now, step)
  redis.call('HSET', breaker, 'state', 'open', 'since', now, 'step', step, 'recent', '',
             'until', string.format('%.0f', now + math.min(limits.breaker_cap, limits.breaker_base * 2 ^ step)))
  redis.call('HDEL', breaker, 'probe', 'probe_until')
end

-- The message that was to be the probe makes no call: the clock's next look chooses another.
local function no_probe(breaker, id)
  if redis.pcall('HGET', breaker, 'probe') == id then redis.call('HDEL', breaker, 'probe', 'probe_until') end
end

-- What a call says about Octopush itself: 'ok' or 'fault'. Returns an alert or nil, and whether this was the probe.
-- `recent` holds the last calls, nine characters each: the end of the id and + or -. One message counts once as a fault.
local function heard(breaker, limits, id, health, now)
  if limits.breaker_calls == 0 or not given(health) then return nil, false end
  local b = redis.pcall('HMGET', breaker, 'state', 'since', 'step', 'probe', 'recent', 'heard')
  if b.err then
    redis.call('DEL', breaker)
    b = {}
  end
  local state, step, recent = b[1], number(b[3]), b[5] or ''
  if state == 'open' then
    if b[4] ~= id then return nil, false end
    if health == 'fault' then
      open_breaker(breaker, limits, now, step + 1)
      return nil, true
    end
    redis.call('HSET', breaker, 'state', 'ramp', 'since', now, 'recent', '')
    redis.call('HDEL', breaker, 'probe', 'probe_until', 'until')
    return 'breaker_closed', true
  end
  if state == 'ramp' and math.abs(now - number(b[2])) >= limits.breaker_ramp then
    redis.call('HDEL', breaker, 'state', 'since', 'step')
    state = nil
  end
  local entry, size = string.sub(id, -8), limits.breaker_calls
  local calm = not string.find(recent, '-', 1, true)
  if health == 'ok' and calm and #recent >= 9 * size then return nil, false end
  if number(b[6]) < now - STALE then recent = '' end
  if health == 'fault' and string.find(recent, entry .. '-', 1, true) then return nil, false end
  recent = string.sub(recent .. entry .. (health == 'ok' and '+' or '-'), -9 * size)
  local _, faults = string.gsub(recent, '-', '')
  local calls = #recent / 9
  -- Half a window is enough to know; a recovery that fails is known sooner.
  if calls >= math.ceil(size / (state == 'ramp' and 5 or 2)) and faults * 2 > calls then
    open_breaker(breaker, limits, now, state == 'ramp' and step + 1 or 0)
    return 'breaker_opened', false
  end
  redis.call('HSET', breaker, 'recent', recent, 'heard', now)
  return nil, false
end
