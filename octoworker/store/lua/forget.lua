-- Take a person out of one record that has ended. What is still on its way keeps its number: it could not be sent without.
-- KEYS  1 record (hash)
-- ARGV  1 payload as it was read   2 outcomes as they were read, or ''   3 payload from now on   4 outcomes from now on (JSON)
--       5 time to live (ms) of a record that has none
-- returns  'done' | 'moving' (not ended, nothing was changed) | 'changed' (it is not as it was read: read it again) | 'absent'
local record, f = KEYS[1], redis.call('HMGET', KEYS[1], 'state', 'payload', 'outcomes')
if not f[1] then return 'absent' end
if not FINAL[f[1]] then return 'moving' end
if f[2] ~= ARGV[1] or (f[3] or '') ~= ARGV[2] then return 'changed' end
redis.call('HSET', record, 'payload', ARGV[3], 'outcomes', ARGV[4], 'forgotten', clock())
redis.call('HDEL', record, 'pending')
if redis.call('PTTL', record) < 0 then redis.call('PEXPIRE', record, ARGV[5]) end
return 'done'
