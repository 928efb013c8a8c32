-- Take a person out of one record that has ended. What is still on its way keeps its number: it could not be sent without.
-- KEYS  1 record (hash)   2 prefix of the state indexes (zsets)
-- ARGV  1 id   2 payload as it was read   3 outcomes as they were read, or ''   4 payload from now on   5 outcomes from now on
--         (JSON)   6 time to live (ms) of a record that ends here or has none   7 '1': give it up when it waits for a person
-- returns  'done' | 'moving' (not ended, nothing was changed) | 'changed' (it is not as it was read: read it again) | 'absent'
local record, id, now = KEYS[1], ARGV[1], clock()
local f = redis.call('HMGET', record, 'state', 'payload', 'outcomes', 'parked')
local state = f[1]
if not state then return 'absent' end
local given_up = not FINAL[state] and given(f[4]) and ARGV[7] == '1'
if not FINAL[state] and not given_up then return 'moving' end
if f[2] ~= ARGV[2] or (f[3] or '') ~= ARGV[3] then return 'changed' end
redis.call('HSET', record, 'payload', ARGV[4], 'outcomes', ARGV[5], 'forgotten', now)
redis.call('HDEL', record, 'pending')
if given_up then
  redis.call('HDEL', record, 'parked')
  move(record, id, KEYS[2], now, state, 'dead', 'given up by a person: its recipient was forgotten; may have been sent', ARGV[6])
elseif redis.call('PTTL', record) < 0 then
  redis.call('PEXPIRE', record, ARGV[6])
end
return 'done'
