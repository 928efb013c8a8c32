-- include: base
-- One worker says that it is there; those that have said nothing for long are forgotten.
-- KEYS  none
-- ARGV  1 what it says of itself (JSON), the same each time  2 forget_after (ms)
-- returns  how many workers are kept
local now, forget_after = clock(), tonumber(ARGV[2])
redis.call('ZADD', WORKERS, now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', now - forget_after)
redis.call('PEXPIRE', WORKERS, forget_after)
return redis.call('ZCARD', WORKERS)
