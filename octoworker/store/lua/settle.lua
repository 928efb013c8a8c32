-- include: message, flow_control, tickets, opt_outs, recalls, many
-- Write the outcome of a submit, if the claim still holds.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 token of the claim   3 outcome (JSON: state, reason, keep, key_generation, key (unused|used|next|doubtful),
--         counts (bool), day, fields (name -> string, written as they are), spent (millionths), prices (country -> millionths);
--         where there is one: recall_until (ms), delay (ms), health ('ok' | 'fault'), account_hold (code), mended_by_credit (bool: of that hold), backlog (to wait in),
--         opt_outs (of marketing that Octopush holds for later: recipient -> hashes),
--         unsent (as `counted`, see refund: recipients of a message to several that were refused for good), deliver_at (ms at which Octopush sends it), quiet (bool: nobody reads the record))
--       4 limits (JSON: what flow_control and breaker ask for; low_balance, caps.money)
-- returns  {'settled' | 'late' | 'fenced', record (JSON: field, value, ...), alert, ...}; when quiet, settled has '' as record
--          settled: written, or written already: the same settle asked twice
--          late: the lease was lost, but the answer proves acceptance and nobody knew better, so it was taken
--          fenced: the lease was lost; the record is somebody else's, or gone ('[]')
--          alerts: 'on_hold', 'breaker_opened', 'breaker_closed', 'balance_low', 'spend_80', 'spend_100'
local token, outcome, limits, alerts = ARGV[2], cjson.decode(ARGV[3]), shared(ARGV[4]), {}
local message = {id = ARGV[1], key = KEYS[1], now = clock(), keep = outcome.keep}
local now, day, account = message.now, DAYS .. outcome.day, of_account(ACCOUNT, limits)
read_message(message, 'state', 'token', 'key_generation', 'key_uses', 'proved', 'confirmed', 'created', 'eligible_at',
             'expected', 'segments', 'expires_at', 'forgotten', 'pending', 'error_code',
             unpack(OF_A_MOVE))
message.read = true
local unconfirmed = outcome.fields.confirmed == '0'
message.segments, message.eligible_at = number(message.segments), eligible_since(message)

local function alert(name)
  alerts[#alerts + 1] = name
end

-- What this call brought, as field, value, ... Of somebody who was forgotten meanwhile nothing is written down again.
-- What says nothing is written where it said something.
local function fields_of_call()
  local written = {}
  local function write(name, value)
    written[#written + 1] = name
    written[#written + 1] = value
  end
  if given(outcome.deliver_at) then
    message.deliver_at = outcome.deliver_at
    write('deliver_at', outcome.deliver_at)
  end
  if given(outcome.recall_until) then write('recall_until', outcome.recall_until) end
  for name, value in pairs(outcome.fields) do
    local forgotten = message.forgotten and (name == 'outcomes' or name == 'pending')
    if not forgotten and (value ~= '' or given(message[name])) then write(name, value) end
  end
  return written
end

local function write_fields()
  local written = fields_of_call()
  -- The first change of all, which a full Redis must be able to refuse.
  if #written == 0 then written = {'error_code', ''} end
  redis.call('HSET', message.key, unpack(written))
end

-- From now on its receipts find it.
local function note_tickets()
  local ticket = outcome.fields.ticket
  if given(ticket) then note_ticket(message, ticket, outcome.key_generation) end
  -- The answer of another worker's call had brought it, when there were no recipients yet that a receipt could be about.
  if given(message.ticket) and message.ticket ~= ticket then put_back_early(message.ticket) end
end

local function account_for_spending()
  local segments = redis.call('HINCRBY', day, 'segments', message.segments)
  local spent = redis.call('HINCRBY', day, 'spent', outcome.spent)
  -- The first of this day.
  if segments <= message.segments then redis.call('PEXPIRE', day, 8 * 86400000) end
  local most = given(limits.caps) and limits.caps.money or 0
  if most > 0 and spent >= most and redis.call('HSETNX', day, 'alerted_100', 1) == 1 then alert('spend_100') end
  if most > 0 and spent * 5 >= most * 4 and redis.call('HSETNX', day, 'alerted_80', 1) == 1 then alert('spend_80') end
end

-- What the answer says of the account: prices, and what is left.
local function note_account()
  local names, written, left, low = {'dearest', 'low'}, {}, tonumber(outcome.fields.balance), number(limits.low_balance)
  for country in pairs(outcome.prices) do names[#names + 1] = 'price:' .. country end
  if not left and #names == 2 then return end
  local known = fill({}, account, unpack(names))
  local function write(name, value)
    written[#written + 1] = name
    written[#written + 1] = value
  end
  local dearest = number(known.dearest)
  for country, price in pairs(outcome.prices) do
    if tonumber(known['price:' .. country] or nil) ~= price then write('price:' .. country, price) end
    dearest = math.max(dearest, price)
  end
  if dearest > number(known.dearest) then write('dearest', dearest) end
  if left then
    write('balance', outcome.fields.balance)
    write('currency', outcome.fields.currency or '')
    write('at', now)
    if left < low and not known.low then
      write('low', 1)
      alert('balance_low')
    end
  end
  if #written > 0 then redis.call('HSET', account, unpack(written)) end
  if left and left >= low and known.low then redis.call('HDEL', account, 'low') end
end

-- What Octopush holds for later is found by a STOP from now on. One that came while it was handed over, or the end of its
-- campaign, has it taken back at once.
local function watch_for_stop()
  if message.state ~= 'accepted' or not given(outcome.deliver_at) then return end
  read_recall(message)
  if not given(message.recall_until) then return end
  local more = fill({}, message.key, 'campaign', 'outcomes')
  local outcomes = decoded(more.outcomes)
  for recipient, hashes in pairs(given(outcome.opt_outs) and outcome.opt_outs or {}) do
    if outcomes[recipient] and outcomes[recipient].state == 'accepted' then
      if opted_out(hashes) then recall_opted_out(message) else index_held(message, hashes[1], number(message.deliver_at)) end
    end
  end
  if more.campaign and redis.call('HEXISTS', CAMPAIGNS .. more.campaign, 'cancelled') == 1 then
    recall(message, nil, 'its campaign was cancelled: ')
  end
end

-- What this call cost, and what is left: facts about the account, whoever has the record by now.
local function account_for()
  -- Of a call in doubt the money stays in reserve: it may have been spent. Where the acceptance is all that is known, it was.
  if unconfirmed then outcome.spent = number(message.expected) end
  if outcome.state ~= 'unknown' and given(message.expected) then release_reserve(message) end
  if outcome.state == 'accepted' or outcome.spent > 0 then account_for_spending() end
  note_account()
end

-- What the submit did to its key: nothing, spent it (the next one from now on), or left it in doubt. 'used': the claim said so.
local function note_key()
  if outcome.key == 'next' then
    redis.call('HINCRBY', message.key, 'key_generation', 1)
    redis.call('HSET', message.key, 'key_uses', 0)
    redis.call('HDEL', message.key, 'in_doubt_since', 'key_doubtful')
  elseif outcome.key == 'unused' then
    local key_uses = number(message.key_uses) - 1
    redis.call('HSET', message.key, 'key_uses', key_uses)
    if key_uses <= 0 then redis.call('HDEL', message.key, 'in_doubt_since') end
  elseif outcome.key == 'doubtful' then
    redis.call('HSET', message.key, 'key_doubtful', 1)
  end
end

-- Whom this claim belongs to no longer: an acceptance is a fact all the same, of this very key.
local function without_lease()
  -- Asked twice, because the first reply was lost on the way.
  local open = message.state == 'submitting' or message.state == 'unknown' or message.state == 'dead'
  if message.token == token and not open then return reply('settled', message) end
  local of_this_key = number(message.key_generation) == outcome.key_generation
  local proved = given(message.proved) and number(message.proved) == outcome.key_generation
  if outcome.state ~= 'accepted' or not of_this_key or proved then return reply('fenced', message) end
  if message.state == 'submitting' then
    -- Another call with this key is on its way: what it will be answered proves less than this.
    if not unconfirmed then
      redis.call('HSET', message.key, 'proved', outcome.key_generation)
      write_fields()
      account_for()
      note_tickets()
    end
    return reply('fenced', message, unpack(alerts))
  end
  local to_confirm = message.state == 'accepted' and message.confirmed == '0' and not unconfirmed
  if not open and not to_confirm then return reply('fenced', message) end
  write_fields()
  account_for()
  note_tickets()
  redis.call('HDEL', message.key, 'needs_review')
  leave_backlog(message)
  move(message, 'accepted', to_confirm and 'confirmed by an answer that came late'
       or 'accepted; the answer came after the lease had ended')
  if unconfirmed then leave_unconfirmed(message) else confirm(message) end
  no_wake(message)
  watch_for_stop()
  return reply('late', message, unpack(alerts))
end

-- What only claims read, until the next one; of what is over none comes, for a replay begins anew. That it was sent its state
-- says, and no doubt is left, where the answer was seen.
local function asked_no_more()
  local names = {'lease_until', 'claim_nonce', 'crashes', 'probed', 'due'}
  if not FINAL[outcome.state] or given(outcome.backlog) or given(outcome.delay) then return names end
  names[#names + 1] = 'first_attempt_at'
  if outcome.state ~= 'accepted' or unconfirmed then return names end
  names[#names + 1], names[#names + 2] = 'key_uses', 'in_doubt_since'
  return names
end
-- Whether it has ended already, in the step that wrote down what the call brought.
local is_over = false

local function move_on()
  if given(outcome.backlog) then
    local maybe_sent = number(redis.call('HGET', message.key, 'key_uses')) > 0
    local backlog = maybe_sent and of_this_account_alone(outcome.backlog, limits) or outcome.backlog
    join_backlog(message, backlog, outcome.state, outcome.reason)
  elseif given(outcome.delay) then
    wake_at(message, now + outcome.delay)
    move(message, outcome.state, outcome.reason, now + outcome.delay)
  else
    redis.call('ZREM', DUE, message.id)
    if not is_over then
      local ends = FINAL[outcome.state] and move or ask_operator
      ends(message, outcome.state, outcome.reason)
    end
    if outcome.state == 'rejected' or outcome.state == 'dead' then give_back(message) end
  end
end

if not message.state then return {'fenced', '[]'} end
if message.token ~= token or message.state ~= 'submitting' then return without_lease() end

-- First a write that a full Redis refuses: a script is not rolled back, so nothing may be taken away before it.
if unconfirmed and given(message.proved) and number(message.proved) == outcome.key_generation then
  -- The answer to an earlier call with this key came late, said all that there is to know, and is accounted for.
  redis.call('HSET', message.key, 'error_code', '')
  outcome.reason, unconfirmed = 'accepted; the answer to an earlier call came late', false
else
  -- What becomes of its key is written below, and a part tells the whole of it as it ends.
  is_over = outcome.key == 'used' and FINAL[outcome.state] and not given(outcome.backlog) and not given(outcome.delay)
  if is_over then
    move(message, outcome.state, outcome.reason, nil, unpack(fields_of_call()))
  else
    write_fields()
  end
  account_for()
end
note_tickets()
local of_breaker, was_probe = heard(message, limits, outcome.health)
if of_breaker then alert(of_breaker) end
note_key()
local failed_probe = was_probe and outcome.health == 'fault'
-- A probe is sent for all the others: its message does not pay for it with an attempt.
if not outcome.counts or failed_probe then redis.call('HINCRBY', message.key, 'attempts', -1) end
redis.call('HDEL', message.key, unpack(asked_no_more()))
if failed_probe then redis.call('HSET', message.key, 'probed', 1) end
if given(outcome.account_hold) and hold_account(limits, outcome.account_hold, outcome.reason, outcome.mended_by_credit, now) then alert('on_hold') end
move_on()
if given(outcome.unsent) then give_back(message, outcome.unsent) end
if unconfirmed then leave_unconfirmed(message) end
watch_for_stop()
if outcome.quiet then return {'settled', '', unpack(alerts)} end
return reply('settled', message, unpack(alerts))
