-- include: message, refund
-- Taking back what Octopush holds for later. Who asks for it may have no API key, so a mark is left, and a worker of the
-- message's own account makes the call.
-- RECALLS (zset)                     id -> ms at which it goes out, or is given up to be looked at: every recall that is open
-- RECALLS .. ':' .. ACCOUNT (zset)   id -> ms at which a worker of the account is to call (again)
-- ACCOUNT .. ':' .. ACCOUNT (hash)   recalls, recalls_in: how many Octopush has cancelled, and in which month
-- In the record, from its hand-over: `recall_until` (ms, the latest), or `no_recall` (why not). Then `recall`: requested,
-- calling, in_doubt (an answer was lost: the same call again), needs_review (Octopush refused a call after a lost answer,
-- which proves nothing) or refused; `recall_reason`; `recall_why` (what it is for, as the beginning of a reason);
-- `recall_to` (ms at which it shall go out instead; none: never),
-- `recall_token`, `recall_tries`, `recall_doubtful`.

-- A machine is at it, or will be.
local RECALLED_BY_MACHINE = {requested = true, calling = true, in_doubt = true}

local OF_A_RECALL = {'recall', 'recall_reason', 'recall_why', 'recall_to', 'recall_tries', 'recall_doubtful'}

local function read_recall(message)
  return read_message(message, 'account', 'deliver_at', 'ticket', 'key_generation', 'recall', 'recall_until', 'recall_to',
                      'recall_token', 'recall_doubtful', 'recall_why')
end

-- No machine looks at it from now on.
local function leave_recalls(message)
  redis.call('ZREM', RECALLS .. ':' .. (message.account or ''), message.id)
  redis.call('ZREM', RECALLS, message.id)
end

local function call_at(message, at)
  redis.call('ZADD', RECALLS .. ':' .. message.account, at, message.id)
end

local function note_recall(message, state, reason)
  redis.call('HSET', message.key, 'recall', state, 'recall_reason', reason)
  message.recall = state
end

-- It stays with Octopush.
local function refuse_recall(message, reason)
  note_recall(message, 'refused', reason)
  redis.call('HDEL', message.key, 'recall_doubtful', 'recall_tries')
  leave_recalls(message)
end

-- Nobody here can know whether it is gone.
local function review_recall(message, reason)
  note_recall(message, 'needs_review', reason)
  leave_recalls(message)
  redis.call('ZADD', RECALLS, message.now + message.keep, message.id)
end

-- What a change of a message that Octopush holds is answered: its outcome. `to`: ms at which it shall go out; nil: never.
-- `why`: the beginning of each reason, where nobody asked for this very message.
local function recall(message, to, why)
  why = why or ''
  if message.recall == 'needs_review' then return 'in_doubt' end
  if RECALLED_BY_MACHINE[message.recall] then
    if to and not given(message.recall_to) then return 'cancelling' end
    -- It left both when its record was set apart, which is mended now.
    redis.call('ZADD', RECALLS, 'NX', number(message.deliver_at), message.id)
    redis.call('ZADD', RECALLS .. ':' .. message.account, 'NX', message.now, message.id)
  else
    if not given(message.recall_until) or not given(message.ticket) then return 'refused' end
    if message.now >= number(message.recall_until) then return 'late' end
    note_recall(message, 'requested', '')
    redis.call('HSET', message.key, 'recall_why', why)
    redis.call('HDEL', message.key, 'recall_doubtful', 'recall_tries')
    redis.call('ZADD', RECALLS, number(message.deliver_at), message.id)
    call_at(message, message.now)
  end
  if to then redis.call('HSET', message.key, 'recall_to', string.format('%.0f', to))
  else redis.call('HDEL', message.key, 'recall_to') end
  move(message, 'accepted', why .. (to and 'Octopush is asked to cancel it, for it was moved' or 'Octopush is asked to cancel it'))
  return 'requested'
end

-- Marketing to somebody who wants no more, and Octopush holds it for later. What goes to somebody else, too, is handed over
-- again, and its claim leaves out who wants no more. Whether Octopush is asked.
local function recall_opted_out(message)
  if message.state ~= 'accepted' or not given(message.recall_until) or number(message.deliver_at) <= message.now then return false end
  local people = 0
  for _, outcome in pairs(decoded(redis.call('HGET', message.key, 'outcomes'))) do
    if outcome.state == 'accepted' then people = people + 1 end
  end
  local others = people > 1
  if others and RECALLED_BY_MACHINE[message.recall] then return false end
  local outcome = recall(message, others and number(message.deliver_at) or nil, 'opted_out: ')
  if outcome == 'late' then move(message, 'accepted', 'opted_out: too late for Octopush to cancel it') end
  return outcome == 'requested'
end

-- It is proven that Octopush sends it no more.
local function taken_back(message, reason)
  local outcomes = decoded(redis.call('HGET', message.key, 'outcomes'))
  for _, outcome in pairs(outcomes) do
    if outcome.state == 'accepted' then outcome.state = 'cancelled' end
  end
  redis.call('HSET', message.key, 'outcomes', next(outcomes) and cjson.encode(outcomes) or '')
  redis.call('HDEL', message.key, 'in_doubt_since', 'deliver_at', 'recall_until', unpack(OF_A_RECALL))
  leave_recalls(message)
  move(message, 'cancelled', reason)
  give_back(message)
end

-- The same, and it goes out at another time: under the next key, for this one was used.
local function taken_back_and_moved(message, payload)
  local generation = redis.call('HINCRBY', message.key, 'key_generation', 1)
  redis.call('HSET', message.key, 'payload', payload, 'key_uses', 0, 'attempts', 0, 'publish_count', 0,
             'eligible_at', message.now, 'receipts_from', generation)
  redis.call('HDEL', message.key, 'in_doubt_since', 'key_doubtful', 'crashes', 'error_code', 'ticket', 'outcomes', 'receipts',
             'pending', 'released', 'woken', 'proved', 'account', 'deliver_at', 'sending_date', 'cost', 'remarks', 'recall_until',
             unpack(OF_A_RECALL))
  leave_recalls(message)
  give_back(message)
  redis.call('HSET', message.key, 'due', message.now)
  redis.call('ZADD', DUE, message.now, message.id)
  move(message, 'waiting', 'Octopush cancelled it; it is handed over again, for another time', message.now)
end
