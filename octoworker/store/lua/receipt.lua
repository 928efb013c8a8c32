-- include: message, backlog
-- A later word on delivery: a stronger fact than anything we concluded ourselves.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 recipient (E.164)   3 'delivered' | 'undelivered'   4 reason   5 keep (ms)
-- returns  {'done' | 'ignored' | 'absent', record (JSON: field, value, ...)}; absent has no record
--          ignored: the message is where such a word cannot be about it, said the same before, or has forgotten its recipient
local recipient, delivery, reason = ARGV[2], ARGV[3], ARGV[4]
local message = {id = ARGV[1], key = KEYS[1], now = clock(), keep = tonumber(ARGV[5])}
read_message(message, 'state', 'outcomes', 'in_doubt_since', 'payload', 'forgotten', 'pending')

-- How many recipients it has. Of one whose call was never answered we know no outcome but those that come here.
local function recipients_of(payload)
  local readable, arguments = pcall(cjson.decode, payload or '')
  local recipients = readable and type(arguments) == 'table' and arguments.recipients
  return type(recipients) == 'table' and #recipients or 1
end

local function may_have_been_sent()
  local state = message.state
  return state == 'accepted' or state == 'undelivered' or state == 'unknown'
    or (state == 'dead' and given(message.in_doubt_since))
end

-- The call in doubt was for others than this recipient: of theirs this says nothing, and they must be asked for again.
local function doubt_remains()
  if message.state ~= 'unknown' or not given(message.pending) then return false end
  for _, each in ipairs(cjson.decode(message.pending)) do
    if each == recipient then return false end
  end
  return true
end

-- Delivered when each recipient that was accepted has it, undelivered when each has its word; nil: it stays where it is.
local function conclusion(outcomes)
  local open, failed, known = 0, 0, 0
  for _, outcome in pairs(outcomes) do
    known = known + 1
    if outcome.state == 'accepted' or outcome.state == 'waiting' then open = open + 1 end
    if outcome.state == 'undelivered' then failed = failed + 1 end
  end
  open = open + math.max(0, recipients_of(message.payload) - known)
  if open == 0 then return failed > 0 and 'undelivered' or 'delivered' end
  return message.state ~= 'undelivered' and 'accepted' or nil
end

if not message.state then return {'absent'} end
if not may_have_been_sent() then return reply('ignored', message) end
local outcomes = cjson.decode(given(message.outcomes) and message.outcomes or '{}')
-- Of somebody who was forgotten nothing is written down again.
if given(message.forgotten) and not outcomes[recipient] then return reply('ignored', message) end
local known = outcomes[recipient] or {}
if known.state == delivery or known.state == 'delivered' then return reply('ignored', message) end
known.state = delivery
outcomes[recipient] = known
redis.call('HSET', message.key, 'outcomes', cjson.encode(outcomes))
if doubt_remains() then return reply('done', message) end

local to = conclusion(outcomes)
if to and to ~= message.state then
  redis.call('HDEL', message.key, 'needs_review', 'lease_until')
  no_wake(message)
  leave_backlog(message)
  confirm(message)
  move(message, to, reason)
end
return reply('done', message)
