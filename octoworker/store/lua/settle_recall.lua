-- include: recalls
-- Write what Octopush answered when it was asked to take a message back.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 answer (JSON: token, key_generation, said ('gone' | 'no' | 'later' | 'nothing'), reason, keep, delay (ms), month,
--         payload and payload_for (ms): the message as it goes out then, when it is moved)
-- returns  {'done' | 'moved' | 'fenced', record (JSON: field, value, ...)}
--          {'payload', record (JSON), to (ms)}   it is moved to this time: ask again, with its payload of then
--          moved: its state is another one now   fenced: somebody else's word counts, or it is over
local answer = cjson.decode(ARGV[2])
local message = {id = ARGV[1], key = KEYS[1], now = clock(), keep = answer.keep}
read_message(message, 'state', 'forgotten')
read_recall(message)
if not message.state then return {'fenced', '[]'} end

local function count_in()
  local account = of_account(ACCOUNT, message)
  if redis.call('HGET', account, 'recalls_in') ~= answer.month then
    redis.call('HSET', account, 'recalls_in', answer.month, 'recalls', 0)
  end
  redis.call('HINCRBY', account, 'recalls', 1)
end

-- A fact, whoever has the recall by now: this very call of ours is gone.
if answer.said == 'gone' then
  if message.state ~= 'accepted' or number(message.key_generation) ~= answer.key_generation then
    return reply('fenced', message)
  end
  local open = RECALLED_BY_MACHINE[message.recall]
  if open and given(message.recall_to) and not given(message.forgotten) then
    local to = number(message.recall_to)
    if number(answer.payload_for) ~= to then return reply('payload', message, string.format('%.0f', to)) end
    taken_back_and_moved(message, answer.payload)
  else
    taken_back(message, (message.recall_why or '') .. 'Octopush cancelled it')
  end
  count_in()
  return reply('moved', message)
end

if message.recall ~= 'calling' or number(message.recall_token) ~= answer.token then return reply('fenced', message) end
local doubtful = given(message.recall_doubtful)
if answer.said == 'no' and doubtful then
  review_recall(message, answer.reason .. '. An earlier answer was lost: it may be cancelled')
  move(message, 'accepted', 'it is not known whether Octopush cancelled it; an operator decides')
elseif answer.said == 'no' then
  refuse_recall(message, answer.reason)
  move(message, 'accepted', 'not cancelled: ' .. answer.reason)
elseif answer.said == 'later' then
  note_recall(message, doubtful and 'in_doubt' or 'requested', answer.reason)
  call_at(message, message.now + answer.delay)
else
  redis.call('HSET', message.key, 'recall_doubtful', 1)
  note_recall(message, 'in_doubt', answer.reason)
  call_at(message, message.now + answer.delay)
  if not doubtful then move(message, 'accepted', 'Octopush may have cancelled it, and is asked again: ' .. answer.reason) end
end
return reply('done', message)
