-- Write the outcome of a submit, if the claim still holds.
-- KEYS  1 record (hash)   2 due set (zset)   3 prefix of the state indexes (zsets)
-- ARGV  1 id   2 token of the claim   3 outcome (JSON: state, reason, keep, generation, key (unused|used|next|doubtful),
--         counts (bool), delay (ms or absent), fields (name -> string, written as they are))
-- returns  {'settled' | 'late' | 'fenced', record (JSON: field, value, ...)}
--          late: the lease was lost, but the answer proves acceptance and nobody knew better, so it was taken
--          fenced: the lease was lost; the record is somebody else's
local record, due_set, index = KEYS[1], KEYS[2], KEYS[3]
local id, token, outcome, now = ARGV[1], ARGV[2], cjson.decode(ARGV[3]), clock()
local f = redis.call('HMGET', record, 'state', 'token', 'gen', 'uses', 'maybe_at', 'attempts', 'ticket')
local state, uses = f[1], number(f[4])

local function write_fields()
  for name, value in pairs(outcome.fields) do redis.call('HSET', record, name, value) end
end

if not state then return {'fenced'} end
if f[2] ~= token or state ~= 'submitting' then
  -- Asked twice, because the first reply was lost on the way.
  if f[2] == token and state ~= 'submitting' and state ~= 'unknown' and state ~= 'dead' then return told('settled', record) end
  if outcome.state ~= 'accepted' or number(f[3]) ~= outcome.generation or f[7] then return told('fenced', record) end
  if state == 'submitting' then redis.call('HSET', record, 'ticket', outcome.fields.ticket or ''); return told('fenced', record) end
  if state ~= 'unknown' and state ~= 'dead' then return told('fenced', record) end
  write_fields()
  redis.call('HDEL', record, 'parked')
  move(record, id, index, now, state, 'accepted', 'accepted; the answer came after the lease had ended', outcome.keep)
  no_wake(record, id, due_set)
  return told('late', record)
end

-- First a write that a full Redis refuses: a script is not rolled back, so nothing may be taken away before it.
write_fields()
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
if not outcome.counts then redis.call('HINCRBY', record, 'attempts', -1) end
redis.call('HDEL', record, 'lease_until', 'crashes')
if given(outcome.delay) then
  wake_at(record, id, due_set, now + outcome.delay)
  move(record, id, index, now, state, outcome.state, outcome.reason, outcome.keep, now + outcome.delay)
else
  no_wake(record, id, due_set)
  if not FINAL[outcome.state] then redis.call('HSET', record, 'parked', 1) end
  move(record, id, index, now, state, outcome.state, outcome.reason, outcome.keep)
end
return told('settled', record)
