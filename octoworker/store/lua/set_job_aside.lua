-- include: notes
-- Lay a job aside that a worker has in hand and cannot read. By Redis' clock, with the list that it was taken from.
-- KEYS  1 index of the notes   2 notes   3 jobs that were set aside (list)
-- ARGV  1 delivery tag   2 reason   3 ms for which such a job is kept   4 how many of them
-- returns  'done' | 'absent' (it is noted no more: it stands in its list again)
local index, notes, aside = unpack(KEYS)
local tag, reason, keep, most = unpack(ARGV)
local note = redis.call('HGET', notes, tag)
if not note then return 'absent' end
local job, list = read_note(note)
-- What somebody else than `take` noted is laid aside as a whole; its list is unknown.
lay_aside(aside, list or '', job or note, reason, keep, most)
redis.call('ZREM', index, tag)
redis.call('HDEL', notes, tag)
return 'done'
