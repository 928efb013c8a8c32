-- include: message, backlog
-- Let a paused campaign go on: one slice of its backlog moves to the backlogs of its lanes, where `release` finds it.
-- KEYS  none: the campaign names its backlog, and the backlog its messages
-- ARGV  1 campaign   2 slice (count)
-- returns  how many were moved; fewer than the slice: all are
local campaign, slice = ARGV[1], tonumber(ARGV[2])
local backlog = 'campaign:' .. campaign
redis.call('HSET', CAMPAIGNS .. campaign, 'resumed', clock())
redis.call('HDEL', CAMPAIGNS .. campaign, 'paused')
local found = redis.call('ZRANGE', BACKLOGS .. backlog, 0, slice - 1, 'WITHSCORES')
for n = 1, #found, 2 do
  local message = {id = found[n], key = RECORDS .. found[n]}
  read_message(message, 'backlog', 'lane')
  if message.backlog == backlog then
    change_backlog(message, backlog, backlog_of(message.lane), found[n + 1])
  else
    redis.call('ZREM', BACKLOGS .. backlog, message.id)
  end
end
return #found / 2
