-- A person's change: cancel, reschedule, decide or replay. Atomic against the clock and against claims.
-- KEYS  1 record (hash)   2 due set (zset)   3 prefix of the state indexes (zsets)   4 prefix of the lines (zsets)
-- ARGV  1 id   2 change ('cancel' | 'reschedule' | 'decide' | 'replay')   3 options (JSON: keep, requeue_after (ms); due, max_ahead (ms),
--         payload for reschedule; to ('accepted' | 'dead') for decide; force (bool) for replay; nonce, one for each time that
--         a person asks)
-- returns  {'done' | 'refused' | 'past' | 'far' | 'force' | 'forgotten' | 'absent', record (JSON: field, value, ...), state before}
--          force: it may have been sent; only with force   forgotten: nothing is left that could be sent
local record, due_set, index = KEYS[1], KEYS[2], KEYS[3]
local id, change, options, now = ARGV[1], ARGV[2], cjson.decode(ARGV[3]), clock()
local f = redis.call('HMGET', record, 'state', 'uses', 'rung', 'parked', 'maybe_at', 'attempts', 'asked')
local state, uses = f[1], number(f[2])

if not state then return {'absent', '[]', ''} end
-- The same change asked twice, because the first reply was lost on the way: the same answer, whatever has come of it since.
if given(options.nonce) and f[7] == options.nonce then return told('done', record, state) end

local function done()
  if given(options.nonce) then redis.call('HSET', record, 'asked', options.nonce) end
  return told('done', record, state)
end

local pending = state == 'queued' or state == 'scheduled' or state == 'waiting'

if change == 'cancel' then
  if not pending or uses > 0 or reached(record) then return told('refused', record, state) end
  move(record, id, index, now, state, 'cancelled', 'cancelled by a person', options.keep)
  no_wake(record, id, due_set)
  leave(record, id, KEYS[4])
  return done()
end

if change == 'reschedule' then
  if options.due <= now then return told('past', record, state) end
  if options.due - now > options.max_ahead then return told('far', record, state) end
  if state ~= 'scheduled' and not (state == 'queued' and number(f[6]) == 0 and given(redis.call('HGET', record, 'due'))) then
    return told('refused', record, state)
  end
  redis.call('HSET', record, 'payload', options.payload, 'ready', options.due)
  redis.call('HDEL', record, 'rung')
  move(record, id, index, now, state, 'scheduled', 'moved by a person', options.keep, options.due)
  wake_at(record, id, due_set, options.due)
  return done()
end

-- Of a message that no machine touches again, because nobody here can know: a person has looked at Octopush's own list.
if change == 'decide' then
  if state ~= 'unknown' or not f[4] then return told('refused', record, state) end
  local outcomes = redis.call('HGET', record, 'outcomes')
  if given(outcomes) and outcomes ~= '{}' then
    outcomes = cjson.decode(outcomes)
    for _, outcome in pairs(outcomes) do
      if outcome.state == 'waiting' or outcome.state == 'unknown' then outcome.state = options.to end
    end
    redis.call('HSET', record, 'outcomes', cjson.encode(outcomes), 'pending', '')
  end
  move(record, id, index, now, state, options.to, options.to == 'accepted' and 'a person found it at Octopush'
       or 'given up by a person; may have been sent', options.keep)
  redis.call('HDEL', record, 'parked')
  no_wake(record, id, due_set)
  return done()
end

if given(redis.call('HGET', record, 'forgotten')) then return told('forgotten', record, state) end
if pending or state == 'submitting' or state == 'delivered' or (state == 'unknown' and not f[4]) then return told('refused', record, state) end
local maybe = state == 'unknown' or state == 'accepted' or state == 'undelivered' or given(f[5]) or reached(record)
if maybe and not options.force then return told('force', record, state) end
redis.call('HINCRBY', record, 'gen', 1)
redis.call('HSET', record, 'uses', 0, 'attempts', 0, 'rings', 0, 'since', now, 'queued_at', now, 'ready', now)
redis.call('HDEL', record, 'due', 'maybe_at', 'doubt', 'parked', 'crashes', 'error_code', 'ticket', 'outcomes', 'pending',
           'granted', 'counted', 'rung')
leave(record, id, KEYS[4])
move(record, id, index, now, state, 'queued', maybe and 'replayed by a person, although it may have been sent'
     or 'replayed by a person', options.keep)
redis.call('ZADD', due_set, now + options.requeue_after, id)
return done()
