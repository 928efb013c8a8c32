-- Write the outcome of a submit, if the claim still holds.
-- KEYS  1 record (hash)   2 due set (zset)   3 prefix of the state indexes (zsets)   4 breaker (hash)   5 prefix of the lines
--       6 traffic (hash)   7 this day (hash)   8 account (hash)
-- ARGV  1 id   2 token of the claim   3 outcome (JSON: state, reason, keep, generation, key (unused|used|next|doubtful),
--         counts (bool), delay (ms or absent), fields (name -> string, written as they are), health ('ok' | 'fault' or absent),
--         brake (code or absent), mended_by_credit (bool: of the brake), stands (line to stand in, or absent), spent (millionths), prices (country -> millionths),
--         held_until (ms at which Octopush sends it, or absent))
--       4 limits (JSON: what _gates.lua asks for; low_balance, caps.money)
-- returns  {'settled' | 'late' | 'fenced', record (JSON: field, value, ...), alert, ...}; the record is '' when outcome.quiet
--          late: the lease was lost, but the answer proves acceptance and nobody knew better, so it was taken
--          fenced: the lease was lost; the record is somebody else's
local record, due_set, index, breaker, lines = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local traffic, day, account = KEYS[6], KEYS[7], KEYS[8]
local id, token, outcome, limits, now = ARGV[1], ARGV[2], cjson.decode(ARGV[3]), cjson.decode(ARGV[4]), clock()
local alerts = {}
local keep = outcome.keep
local f = redis.call('HMGET', record, 'state', 'token', 'gen', 'uses', 'maybe_at', 'attempts', 'ticket', 'created', 'expected',
                     'expected_on', 'segments', 'expires', 'ready')
local state, uses = f[1], number(f[4])

-- Of somebody who was forgotten meanwhile nothing is written down again.
local function write_fields()
  if given(outcome.held_until) then redis.call('HSET', record, 'rings_at', outcome.held_until) end
  local forgotten = redis.call('HEXISTS', record, 'forgotten') == 1
  for name, value in pairs(outcome.fields) do
    if not (forgotten and (name == 'outcomes' or name == 'pending')) then redis.call('HSET', record, name, value) end
  end
end

-- What this call cost, and what is left: facts about the account, whoever has the record by now.
local function account_for()
  local segments = number(f[11])
  if given(f[9]) then
    redis.call('HINCRBY', f[10], 'pending', -number(f[9]))
    redis.call('HDEL', record, 'expected', 'expected_on')
  end
  if outcome.state == 'accepted' or outcome.spent > 0 then
    redis.call('HINCRBY', day, 'segments', segments)
    local spent = redis.call('HINCRBY', day, 'spent', outcome.spent)
    redis.call('PEXPIRE', day, 8 * 86400000)
    local most = limits.caps.money
    if most > 0 and spent >= most and redis.call('HSETNX', day, 'told_100', 1) == 1 then alerts[#alerts + 1] = 'spend_100' end
    if most > 0 and spent * 5 >= most * 4 and redis.call('HSETNX', day, 'told_80', 1) == 1 then alerts[#alerts + 1] = 'spend_80' end
  end
  for country, price in pairs(outcome.prices) do redis.call('HSET', account, 'price:' .. country, price) end
  local left = tonumber(outcome.fields.balance)
  if not left then return end
  redis.call('HSET', account, 'balance', outcome.fields.balance, 'currency', outcome.fields.currency or '', 'at', now)
  if left >= limits.low_balance then
    redis.call('HDEL', account, 'low')
  elseif redis.call('HSETNX', account, 'low', 1) == 1 then
    alerts[#alerts + 1] = 'balance_low'
  end
end

if not state then return {'fenced', '[]'} end
if f[2] ~= token or state ~= 'submitting' then
  -- Asked twice, because the first reply was lost on the way.
  if f[2] == token and state ~= 'submitting' and state ~= 'unknown' and state ~= 'dead' then return told('settled', record) end
  if outcome.state ~= 'accepted' or number(f[3]) ~= outcome.generation or f[7] then return told('fenced', record) end
  if state == 'submitting' then redis.call('HSET', record, 'ticket', outcome.fields.ticket or ''); return told('fenced', record) end
  if state ~= 'unknown' and state ~= 'dead' then return told('fenced', record) end
  write_fields()
  account_for()
  redis.call('HDEL', record, 'parked')
  leave(record, id, lines)
  move(record, id, index, now, state, 'accepted', 'accepted; the answer came after the lease had ended', keep)
  no_wake(record, id, due_set)
  return told('late', record, unpack(alerts))
end

-- First a write that a full Redis refuses: a script is not rolled back, so nothing may be taken away before it.
write_fields()
account_for()
local alert, was_probe = heard(breaker, limits, id, outcome.health, now)
alerts[#alerts + 1] = alert
if outcome.key == 'next' then
  redis.call('HINCRBY', record, 'gen', 1)
  redis.call('HSET', record, 'uses', 0)
  redis.call('HDEL', record, 'maybe_at', 'doubt')
elseif outcome.key == 'unused' then
  redis.call('HSET', record, 'uses', uses - 1)
  if uses - 1 <= 0 then redis.call('HDEL', record, 'maybe_at') end
elseif outcome.key == 'doubtful' then
  redis.call('HSET', record, 'doubt', 1)
end
-- A probe is sent for all the others: its message does not pay for it with an attempt.
if not outcome.counts or (was_probe and outcome.health == 'fault') then redis.call('HINCRBY', record, 'attempts', -1) end
redis.call('HDEL', record, 'lease_until', 'crashes', 'probed')
if was_probe and outcome.health == 'fault' then redis.call('HSET', record, 'probed', 1) end
if given(outcome.brake) and redis.call('HSETNX', traffic, 'brake', outcome.brake) == 1 then
  redis.call('HSET', traffic, 'brake_reason', 'the account is blocked: ' .. outcome.reason, 'brake_at', now,
             'brake_credit', outcome.mended_by_credit and 1 or 0)
  alerts[#alerts + 1] = 'braked'
end
if given(outcome.stands) then
  join(record, id, due_set, index, lines, now, {line = outcome.stands, state = state, uses = outcome.state == 'unknown' and 1 or 0,
       ready = ready(f[13], f[8]), segments = number(f[11]), expires = f[12], keep = keep}, outcome.reason)
elseif given(outcome.delay) then
  wake_at(record, id, due_set, now + outcome.delay)
  move(record, id, index, now, state, outcome.state, outcome.reason, keep, now + outcome.delay)
else
  no_wake(record, id, due_set)
  if not FINAL[outcome.state] then redis.call('HSET', record, 'parked', 1) end
  move(record, id, index, now, state, outcome.state, outcome.reason, keep)
end
if outcome.quiet then return {'settled', '', unpack(alerts)} end
return told('settled', record, unpack(alerts))
