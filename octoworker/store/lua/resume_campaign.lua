-- Let a paused campaign go on: one slice of its line moves to the lines of its lanes, where the clock finds it.
-- KEYS  1 prefix of the records (hashes)   2 prefix of the lines (zsets)
-- ARGV  1 campaign   2 slice (count)
-- returns  how many were moved; fewer than the slice: all are
redis.call('HSET', CAMPAIGNS .. ARGV[1], 'resumed', clock())
redis.call('HDEL', CAMPAIGNS .. ARGV[1], 'paused')
local line = 'campaign:' .. ARGV[1]
local ids = redis.call('ZRANGE', KEYS[2] .. line, 0, tonumber(ARGV[2]) - 1, 'WITHSCORES')
for i = 1, #ids, 2 do
  local record = KEYS[1] .. ids[i]
  local f = redis.call('HMGET', record, 'line', 'lane')
  if f[1] == line then
    change_line(record, ids[i], KEYS[2], line, f[2] .. ':t', ids[i + 1])
  else
    redis.call('ZREM', KEYS[2] .. line, ids[i])
  end
end
return #ids / 2
