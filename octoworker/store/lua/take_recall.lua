-- include: recalls, broken_records
-- Take the next message that a worker of this account is to take back at Octopush, and end the recalls whose time is over.
-- KEYS  none: the sets name the records
-- ARGV  1 request (JSON: account, lease, keep (ms), slice (count), month, a_month (recalls that Octopush grants; 0: any number))
-- returns  {JSON: message_id, token, ticket, key_generation, tries, moved (bool)}   or {''}: there is none
local request, now = cjson.decode(ARGV[1]), clock()
local own = RECALLS .. ':' .. request.account

local function read(id)
  local message = {id = id, key = RECORDS .. id, now = now, keep = request.keep}
  read_message(message, 'state')
  return read_recall(message)
end

-- The first of those that are due in this set with which something is to be done. A record on which that fails leaves the set.
local function first_of(set, act)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, request.slice)) do
    local ok, found = with_record(id, act, id)
    if not ok then redis.call('ZREM', set, id) end
    if found then return found end
  end
end

-- Also those of accounts that have no worker: they went out, as far as anybody here knows.
local function end_it(id)
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

-- Octopush grants so many, and has granted them. Others may have been asked for elsewhere: then Octopush says no.
local function used_up()
  local known = fill({}, of_account(ACCOUNT, request), 'recalls', 'recalls_in')
  return request.a_month > 0 and known.recalls_in == request.month and number(known.recalls) >= request.a_month
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

local function take_it(id)
  local message = read(id)
  if message.state ~= 'accepted' or not RECALLED_BY_MACHINE[message.recall] then
    redis.call('ZREM', own, id)
    leave_recalls(message)
  elseif message.recall == 'requested' and now >= number(message.recall_until) then
    refuse_recall(message, 'it was too late when Octopush could be asked')
    move(message, 'accepted', 'not cancelled: it was too late when Octopush could be asked')
  elseif message.recall == 'requested' and used_up() then
    local why = string.format('Octopush cancels %d messages a month, and has cancelled so many', request.a_month)
    refuse_recall(message, why)
    move(message, 'accepted', 'not cancelled: ' .. why)
  else
    return lease(message)
  end
end

first_of(RECALLS, end_it)
return request.account ~= '' and first_of(own, take_it) or {''}
