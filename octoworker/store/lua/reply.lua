-- include: recipients, inbox
-- Somebody answered: keep it with the message that is answered, and let a web app know. It is matched by its ticket and its
-- number; what belongs to no message is kept for an operator.
-- KEYS  none: the ticket names the record
-- ARGV  1 reply (JSON: entry (id in the inbox), event_id (of its arrival), ticket, number (E.164), text, at (the operator's time,
--         as text), most (replies of one message), keep (ms), shown (bool: the event carries number and text), reason, content
--         (what is kept for an operator))
-- returns  {'kept' | 'same' | 'unmatched', id of the message of the first two}
--          kept: the record has it   same: it had it already   unmatched: no message has this ticket, or not this recipient
local came = cjson.decode(ARGV[1])

local function let_know(event_id, message, sequence)
  if not somebody_listens() then return end
  local data = {message_id = message and message.id, sequence = sequence}
  for index, each in ipairs(message and listed_recipients(message.payload) or {}) do
    if each == came.number then data.recipient_index = index - 1 end
  end
  if message then
    data.state, data.campaign = message.state, message.campaign or nil
  else
    data.reason = came.reason
  end
  if came.shown then data.number, data.text = came.number, came.text end
  emit(event_id, 'sms.reply', clock(), data)
end

local function unmatched()
  keep_unreadable(came.reason, came.content)
  let_know('evt_' .. came.event_id, nil, nil)
  processed(came.entry)
  return {'unmatched', ''}
end

local id = owner_of(came.ticket)
if not id then return unmatched() end
local message = {id = id, key = RECORDS .. id, now = clock(), keep = came.keep}
read_message(message, 'state', 'outcomes', 'payload', 'replies', 'campaign')
if not message.state or not is_recipient(message, came.number) then return unmatched() end

local replies = cjson.decode(given(message.replies) and message.replies or '[]')
for _, each in ipairs(replies) do
  local again = each.number == came.number and each.text == came.text and each.at == came.at
  if each.id == came.event_id or (again and came.at ~= '') then
    processed(came.entry)
    return {'same', id}
  end
end
replies[#replies + 1] = {id = came.event_id, number = came.number, text = came.text, at = came.at, arrived = message.now}
while #replies > came.most do table.remove(replies, 1) end
redis.call('HSET', message.key, 'replies', cjson.encode(replies))
-- It is kept as long as its message, which has changed now.
if FINAL[message.state] then redis.call('PEXPIRE', message.key, math.max(redis.call('PTTL', message.key), message.keep)) end
local sequence = redis.call('HINCRBY', message.key, 'sequence', 1)
let_know('evt_' .. id .. '_' .. sequence, message, sequence)
processed(came.entry)
return {'kept', id}
