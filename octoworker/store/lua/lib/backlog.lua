-- include: message
-- The backlog: messages that flow control holds back, each in the backlog of its lane and kind, or of its paused campaign.
-- BACKLOGS .. LANE:KIND (zset)      id -> ms since which it may go; KIND is transactional or marketing. `release` lets the
--                                   oldest go first.
-- BACKLOGS .. LANE:KIND:ACCOUNT (zset)  the same, of messages that may have been sent by this account: no other one may
--                                   ask for them again.
-- BACKLOGS .. campaign:ID (zset)    the same, of a paused campaign; resuming it moves them to the backlogs of their lanes.

-- ms after which a backlogged message is looked at, in case its backlog was lost.
local LOOK = 600000

local function backlog_of(lane, marketing)
  return lane .. (marketing and ':marketing' or ':transactional')
end

-- The backlog of the same lane and kind for messages that only the account of `limits` may send.
local function of_this_account_alone(backlog, limits)
  return given(limits.account) and backlog .. ':' .. limits.account or backlog
end

-- Needs `eligible_at` (ms), `segments` and `expires_at` (ms, or none) of the message.
local function join_backlog(message, backlog, to, reason)
  local expires_at = given(message.expires_at) and tonumber(message.expires_at)
  redis.call('HSET', message.key, 'backlog', backlog, 'segments', message.segments, 'expires_at', expires_at or '')
  redis.call('HDEL', message.key, 'due', 'woken', 'released')
  redis.call('ZADD', BACKLOGS .. backlog, message.eligible_at, message.id)
  -- What comes back to its backlog again and again says so once.
  if message.state ~= to or message.reason ~= reason then move(message, to, reason) end
  redis.call('ZADD', DUE, expires_at and math.min(expires_at, message.now + LOOK) or message.now + LOOK, message.id)
end

-- `at`: since when it may go (ms).
local function change_backlog(message, from, to, at)
  redis.call('HSET', message.key, 'backlog', to)
  redis.call('ZADD', BACKLOGS .. to, at, message.id)
  redis.call('ZREM', BACKLOGS .. from, message.id)
end

local function leave_backlog(message)
  local backlog = redis.call('HGET', message.key, 'backlog')
  if backlog then
    redis.call('HDEL', message.key, 'backlog')
    redis.call('ZREM', BACKLOGS .. backlog, message.id)
  end
end
