-- include: message, backlog, audit
-- Let a paused campaign go on: it is paused no longer, and then slice by slice its backlog moves to the backlogs of its lanes,
-- where `release` finds it.
-- KEYS  none: the campaign names its backlog, and the backlog its messages
-- ARGV  1 campaign   2 slice (count)   3 '1': the first slice, which ends the pause; '': one of the next
--       4 keep (ms): how long it is kept from now on, unless it was to be kept longer before it was paused
--       5 with the first slice who resumes it (JSON: see audit), or ''
-- returns  how many were moved; fewer than the slice: all are, or it was paused again meanwhile
local campaign, slice, first, keep = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1', tonumber(ARGV[4])
local backlog, root = 'campaign:' .. campaign, CAMPAIGNS .. campaign

if first then
  redis.call('HSET', root, 'resumed', clock())
  redis.call('HDEL', root, 'paused', 'paused_because')
  if given(ARGV[5]) then note_act(cjson.decode(ARGV[5]), campaign, clock()) end
  -- `left` is in seconds: what a paused campaign had, which has no end of its own.
  local left = math.max(keep, 1000 * number(redis.call('HGET', root, 'left')))
  for _, part in ipairs(PARTS_OF_CAMPAIGN) do redis.call('PEXPIRE', root .. part, string.format('%.0f', left)) end
elseif redis.call('HGET', root, 'paused') then
  return 0
end

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
