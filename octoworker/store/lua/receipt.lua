-- A later word on delivery: a stronger fact than anything we concluded ourselves.
-- KEYS  1 record (hash)   2 due set (zset)   3 prefix of the state indexes (zsets)   4 prefix of the lines (zsets)
-- ARGV  1 id   2 recipient (E.164)   3 'delivered' | 'undelivered'   4 reason   5 keep (ms)
-- returns  {'done' | 'ignored' | 'absent', record (JSON: field, value, ...)}
--          ignored: the message is where such a word cannot be about it, said the same before, or has forgotten its recipient
local record, due_set, index = KEYS[1], KEYS[2], KEYS[3]
local id, number_, fate, reason, keep, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), clock()
local f = redis.call('HMGET', record, 'state', 'outcomes', 'maybe_at', 'payload', 'forgotten', 'pending')
local state = f[1]

-- How many recipients the message has. Of one whose call was never answered we know no outcome but those that come here.
local function asked(payload)
  local read, job = pcall(cjson.decode, payload or '')
  local recipients = read and type(job) == 'table' and job.recipients
  return type(recipients) == 'table' and #recipients or 1
end

if not state then return {'absent'} end
local sent = state == 'accepted' or state == 'undelivered' or state == 'unknown' or (state == 'dead' and given(f[3]))
if not sent then return told('ignored', record) end

local outcomes = cjson.decode(given(f[2]) and f[2] or '{}')
-- Of somebody who was forgotten nothing is written down again.
if given(f[5]) and not outcomes[number_] then return told('ignored', record) end
local known = outcomes[number_] or {}
if known.state == fate or known.state == 'delivered' then return told('ignored', record) end
known.state = fate
outcomes[number_] = known
redis.call('HSET', record, 'outcomes', cjson.encode(outcomes))

-- The call in doubt was for the others: of theirs this says nothing, and they must be asked for again.
if state == 'unknown' and given(f[6]) then
  local in_doubt = false
  for _, each in ipairs(cjson.decode(f[6])) do in_doubt = in_doubt or each == number_ end
  if not in_doubt then return told('done', record) end
end

-- The message is delivered when each recipient that was accepted has it; undelivered when each has its word.
local open, failed, known_of = 0, 0, 0
for _, outcome in pairs(outcomes) do
  known_of = known_of + 1
  if outcome.state == 'accepted' or outcome.state == 'waiting' then open = open + 1 end
  if outcome.state == 'undelivered' then failed = failed + 1 end
end
open = open + math.max(0, asked(f[4]) - known_of)
local to = open == 0 and (failed > 0 and 'undelivered' or 'delivered') or (state ~= 'undelivered' and state ~= 'accepted' and 'accepted') or nil
if to and to ~= state then
  redis.call('HDEL', record, 'parked', 'lease_until')
  no_wake(record, id, due_set)
  leave(record, id, KEYS[4])
  move(record, id, index, now, state, to, reason, keep)
end
return told('done', record)
