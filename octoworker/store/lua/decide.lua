-- include: change, recalls
-- An operator's word on a message that no machine touches again, because nobody here can know whether it was sent, and on one
-- that was accepted unconfirmed, or that Octopush may have cancelled: the operator has looked at Octopush's own list.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 request (JSON: keep (ms), to ('accepted' | 'dead' | 'cancelled'); payload, of one that was to be moved: as it goes out then, change_nonce)
-- returns  {'done' | 'refused' | 'absent', record (JSON: field, value, ...), state before}
--          refused: it waits for no such word
local request = cjson.decode(ARGV[2])
local message, answer = begin_change(request, 'needs_review', 'outcomes', 'confirmed', 'forgotten')
if answer then return answer end
read_recall(message)
if message.state == 'accepted' and message.recall == 'needs_review' and request.to ~= 'dead' then
  if request.to == 'cancelled' and given(message.recall_to) and given(request.payload) and not given(message.forgotten) then
    taken_back_and_moved(message, request.payload)
  elseif request.to == 'cancelled' then
    taken_back(message, 'an operator did not find it at Octopush any more')
  else
    refuse_recall(message, 'an operator found it at Octopush')
    move(message, 'accepted', 'an operator found it at Octopush: not cancelled')
  end
  return changed(message, request)
end
if request.to == 'cancelled' then return refuse(message, 'refused') end
local in_doubt = message.state == 'unknown' and message.needs_review
local unconfirmed = message.state == 'accepted' and message.confirmed == '0'
if not in_doubt and not unconfirmed then return refuse(message, 'refused') end
if given(message.outcomes) and message.outcomes ~= '{}' then
  local outcomes = cjson.decode(message.outcomes)
  for _, outcome in pairs(outcomes) do
    local open = outcome.state == 'waiting' or outcome.state == 'unknown' or outcome.confirmed == false
    if open then outcome.state, outcome.confirmed = request.to, nil end
  end
  redis.call('HSET', message.key, 'outcomes', cjson.encode(outcomes), 'pending', '')
end
move(message, request.to, request.to == 'accepted' and 'an operator found it at Octopush'
     or 'given up by an operator; may have been sent')
redis.call('HDEL', message.key, 'needs_review')
confirm(message)
looked_at(message)
release_reserve(message)
no_wake(message)
return changed(message, request)
