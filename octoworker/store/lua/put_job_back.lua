-- Put a job that was set aside at the end of the list that it came from: an operator has seen to what was in its way.
-- It is put there first, as a full Redis refuses that, and then taken away here.
-- KEYS  1 jobs that were set aside (list)   2 list
-- ARGV  1 entry as it stands there   2 job
-- returns  'done' | 'absent'
local aside, list = unpack(KEYS)
local entry, job = unpack(ARGV)
if not redis.call('LPOS', aside, entry) then return 'absent' end
redis.call('LPUSH', list, job)
redis.call('LREM', aside, 1, entry)
return 'done'
