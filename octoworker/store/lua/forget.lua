-- Take a person out of one ended record. What is still on its way keeps its number: it could not be sent without.
-- KEYS  1 record (hash)
-- ARGV  1 payload as it was read   2 payload from now on   3 outcomes from now on (JSON), or ''   4 time to live, ms, of a record
--         that has lost it
-- returns  'done' | 'moving' (not ended, nothing was changed) | 'changed' (it is not as it was read: read it again) | 'absent'
local record, f = KEYS[1], redis.call('HMGET', KEYS[1], 'state', 'payload')
if not f[1] then return 'absent' end
if not FINAL[f[1]] then return 'moving' end
if f[2] ~= ARGV[1] then return 'changed' end
redis.call('HSET', record, 'payload', ARGV[2], 'outcomes', ARGV[3], 'forgotten', clock())
redis.call('HDEL', record, 'pending')
if redis.call('PTTL', record) < 0 then redis.call('PEXPIRE', record, ARGV[4]) end
return 'done'
