-- include: wakeups, backlog
-- Who may ask again for a message that may have been sent: the account that sent it, and no other, for each account knows its
-- own keys alone, and another one would send it a second time.
-- ACCOUNTS (zset)            account -> ms at which one of its workers was here last
-- DESERTED:ACCOUNT (zset)     id -> ms; messages left to an operator because no worker of their account runs. One that starts
--                            takes them back.

-- ms between two notes of a worker that it is here.
local BEAT = 2000

local function is_here(account, now)
  if given(account) and now - number(redis.call('ZSCORE', ACCOUNTS, account)) > BEAT then
    redis.call('ZADD', ACCOUNTS, now, account)
  end
end

local function of_another(message, account)
  return number(message.key_uses) > 0 and given(message.account) and message.account ~= account
end

-- Whether a worker of the account has been here within the last `absent_after` (ms).
local function runs(account, now, absent_after)
  return now - number(redis.call('ZSCORE', ACCOUNTS, account)) <= absent_after
end

-- Stop all machines but those of its own account. `key_window`: ms after which not even they could ask again.
local function desert(message, key_window)
  local deserted = DESERTED .. message.account
  redis.call('HSET', message.key, 'deserted', 1)
  redis.call('ZADD', deserted, message.now, message.id)
  redis.call('PEXPIRE', deserted, key_window)
  ask_operator(message, 'unknown', 'may have been sent by the account ' .. message.account .. ', of which no worker runs: start '
               .. 'one and it is asked for again, or decide')
  no_wake(message)
  leave_backlog(message)
  redis.call('HDEL', message.key, 'woken', 'released')
end

-- Take back what was deserted, for a worker of its account is here.
local function adopt(account, slice, requeue_after, keep, now)
  if not given(account) then return end
  local deserted = DESERTED .. account
  for _, id in ipairs(redis.call('ZRANGE', deserted, 0, slice - 1)) do
    local message = {id = id, key = RECORDS .. id, now = now, keep = keep}
    read_message(message, 'state', 'needs_review', 'deserted', 'account')
    if message.state == 'unknown' and message.needs_review and message.deserted and message.account == account then
      move(message, 'unknown', 'a worker of its account is back')
      redis.call('HDEL', message.key, 'needs_review', 'deserted')
      wake(message, 'due', 0, 0, requeue_after)
    end
    redis.call('ZREM', deserted, id)
  end
end
