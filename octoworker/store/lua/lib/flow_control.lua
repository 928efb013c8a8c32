-- include: backlog, breaker
-- Flow control: what holds messages back that are not to blame for it (pauses, the account hold, the breaker, the pace).
-- FLOW_CONTROL (hash)          pause:all|urgent|normal|bulk|marketing: since (ms), for all accounts
-- FLOW_CONTROL:ACCOUNT (hash)  tat: ms at which the account's pace allows the next segment (GCRA); paced: when that was written
--                              (ms); turn: releases so far; account_hold: Octopush's code, account_hold_reason,
--                              account_hold_at (ms); minute, sent, before: segments

local LANES = {'urgent', 'normal', 'bulk'}
-- ms that an urgent message may borrow from the pace of the others, instead of joining a backlog.
local BORROW = 1000
-- Doublings of the pace from the first call after a recovery to the end of the ramp; it begins with two calls a second.
local DOUBLINGS = 10

local function read_flow_control(limits, now)
  local flow = fill({limits = limits, now = now, key = of_account(FLOW_CONTROL, limits)}, of_account(FLOW_CONTROL, limits),
                    'tat', 'paced', 'turn', 'minute', 'sent', 'before', 'account_hold', 'account_hold_reason')
  local pauses = redis.call('HGETALL', FLOW_CONTROL)
  for n = 1, #pauses, 2 do
    if string.find(pauses[n], 'pause:', 1, true) == 1 then flow[pauses[n]] = pauses[n + 1] end
  end
  flow.turn, flow.minute, flow.sent, flow.before = number(flow.turn), number(flow.minute), number(flow.sent), number(flow.before)
  -- Written by a clock that has been set back since, or by another server's: the pace keeps what was left to wait, and
  -- no more; the breaker's times say nothing any longer.
  flow.tat = number(flow.tat) - math.max(0, number(flow.paced) - now)
  local breaker = number(limits.breaker_calls) > 0 and read_breaker(limits) or {}
  flow.breaker, flow.since, flow.open_until = breaker.state, number(breaker.since), number(breaker['until'])
  flow.probe, flow.probe_until = breaker.probe, number(breaker.probe_until)
  if flow.since > now then flow.since, flow.open_until = 0, 0 end
  return flow
end

-- As this call of the script knows it: what it takes of the pace, it takes here as well.
local known_flow = nil

local function known_flow_control(limits, now)
  known_flow = known_flow or read_flow_control(limits, now)
  return known_flow
end

local function paused(flow, lane, marketing)
  return flow['pause:all'] or flow['pause:' .. lane] or (marketing and flow['pause:marketing'])
end

-- Why the message may not go now, or nil.
local function blocked_by(flow, message)
  if flow.account_hold then return flow.account_hold_reason or 'the account is blocked' end
  if paused(flow, message.lane, message.marketing) then return 'paused by an operator' end
  if flow.breaker == 'open' and flow.probe ~= message.id then
    return 'Octopush does not answer; it goes when a probe has come through'
  end
end

-- ms of the pace that one call takes; 0 when nothing limits it.
local function takes(flow, segments)
  local limits = flow.limits
  local ms = number(limits.rate) > 0 and segments * 1000 / limits.rate or 0
  local passed = flow.now - flow.since
  if flow.breaker == 'ramp' and passed < limits.breaker_ramp then
    ms = math.max(ms, 1000 / 2 ^ (1 + DOUBLINGS * passed / limits.breaker_ramp))
  end
  return ms
end

-- The backlogs of a lane from which the account of `limits` may take.
local function backlogs_of(lane, limits)
  local found = {}
  for _, marketing in ipairs({false, true}) do
    local backlog = backlog_of(lane, marketing)
    found[#found + 1] = {name = backlog, marketing = marketing}
    if given(limits.account) then
      found[#found + 1] = {name = of_this_account_alone(backlog, limits), marketing = marketing}
    end
  end
  return found
end

local function anybody_ahead(lane, limits)
  for _, each in ipairs(LANES) do
    for _, backlog in ipairs(backlogs_of(each, limits)) do
      if redis.call('ZCARD', BACKLOGS .. backlog.name) > 0 then return true end
    end
    if each == lane then return false end
  end
end

-- Whether a message that comes fresh may go at once. Takes its part of the pace, in `flow`.
local function has_room(flow, message)
  local ms, limits = takes(flow, message.segments), flow.limits
  if ms == 0 then return true end
  local ahead = number(limits.rate) > 0 and (limits.burst - 1) * 1000 / limits.rate or 0
  if flow.breaker ~= 'ramp' and message.lane == 'urgent' then ahead = math.max(ahead, BORROW) end
  if flow.tat > flow.now + ahead or anybody_ahead(message.lane, limits) then return false end
  flow.tat = math.max(flow.tat, flow.now) + ms
  return true
end

-- Write down what went, for the pace and for the figure of it.
local function went(flow, segments)
  local minute = math.floor(flow.now / 60000)
  -- Nothing sets a pace, and the minute is the one of the call before: that is most of them.
  if flow.minute == minute and takes(flow, segments) == 0 then
    redis.call('HINCRBY', flow.key, 'sent', segments)
    flow.sent = flow.sent + segments
    return
  end
  if flow.minute ~= minute then
    flow.before = flow.minute == minute - 1 and flow.sent or 0
    flow.minute, flow.sent = minute, 0
  end
  flow.sent = flow.sent + segments
  redis.call('HSET', flow.key, 'tat', string.format('%.3f', flow.tat), 'paced', flow.now, 'minute', minute,
             'sent', flow.sent, 'before', flow.before)
end

-- Hold all sending back: Octopush refused the account. Whether it was not so already.
local function hold_account(limits, code, reason, mended_by_credit, now)
  local key = of_account(FLOW_CONTROL, limits)
  if redis.call('HSETNX', key, 'account_hold', code) == 0 then return false end
  redis.call('HSET', key, 'account_hold_reason', 'the account is blocked: ' .. reason, 'account_hold_at', now,
             'account_hold_credit', mended_by_credit and 1 or 0)
  return true
end
