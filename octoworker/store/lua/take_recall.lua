-- include: recalls
-- Take the next message that a worker of this account is to take back at Octopush, and end the recalls whose time is over.
-- KEYS  none: the sets name the records
-- ARGV  1 request (JSON: account, lease, keep (ms), slice (count))
-- returns  {JSON: message_id, token, ticket, key_generation, tries, moved (bool)}   or {''}: there is none
local request, now = cjson.decode(ARGV[1]), clock()
local own = RECALLS .. ':' .. request.account

local function read(id)
  local message = {id = id, key = RECORDS .. id, now = now, keep = request.keep}
  read_message(message, 'state')
  return read_recall(message)
end

-- Also those of accounts that have no worker: they went out, as far as anybody here knows.
local function end_what_is_over()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', RECALLS, '-inf', now, 'LIMIT', 0, request.slice)) do
    local message = read(id)
    if message.state ~= 'accepted' or not RECALLED_BY_MACHINE[message.recall] then
      leave_recalls(message)
    elseif message.recall == 'requested' then
      refuse_recall(message, 'it went out before Octopush was reached')
      move(message, 'accepted', 'not cancelled: it went out before Octopush was reached')
    else
      review_recall(message, 'Octopush may have cancelled it: its answer was lost')
      move(message, 'accepted', 'it is not known whether Octopush cancelled it; an operator decides')
    end
  end
end

local function lease(message)
  -- Its worker did not come back, so its call may have been answered.
  if message.recall == 'calling' then redis.call('HSET', message.key, 'recall_doubtful', 1) end
  note_recall(message, 'calling', '')
  local token = redis.call('HINCRBY', message.key, 'recall_token', 1)
  local tries = redis.call('HINCRBY', message.key, 'recall_tries', 1)
  call_at(message, now + request.lease)
  return {cjson.encode({message_id = message.id, token = token, ticket = message.ticket, tries = tries,
                        key_generation = number(message.key_generation)})}
end

end_what_is_over()
if request.account == '' then return {''} end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', own, '-inf', now, 'LIMIT', 0, request.slice)) do
  local message = read(id)
  if message.state ~= 'accepted' or not RECALLED_BY_MACHINE[message.recall] then
    redis.call('ZREM', own, id)
    leave_recalls(message)
  elseif message.recall == 'requested' and now >= number(message.recall_until) then
    refuse_recall(message, 'it was too late when Octopush could be asked')
    move(message, 'accepted', 'not cancelled: it was too late when Octopush could be asked')
  else
    return lease(message)
  end
end
return {''}
