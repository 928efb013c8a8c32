-- include: base, notes
-- Put jobs whose workers did not come back in front of their queues again, and count that for each: a job that ends every
-- worker is set aside by `take`. By Redis' clock, where kombu asks the clock of whichever worker looks.
-- KEYS  1 index of the notes   2 notes   3 deliveries that ended a worker (see take)
--       A note names the list that its job goes back to.
-- ARGV  1 ms after which a worker does not come back   2 how many at most   3 ms for which deliveries are counted; 0: they are not
--       4 'front' | 'end' of the queue   then these delivery tags alone, whatever their age, the first in the queue first
-- returns  how many were put back, then the tags that were not noted by `take`
local index, notes, deliveries = unpack(KEYS, 1, 3)
local BEFORE_TAGS = 4
local back, others = 0, {}

-- The job, its list, and the id under which it is counted; nothing when somebody else than `take` noted it. A job with an ETA is
-- not counted: it may wait in a worker for longer than a worker is waited for.
local function read(note)
  local job, list, envelope = read_note(note)
  if not job then return nil end
  local headers = type(envelope) == 'table' and type(envelope.headers) == 'table' and envelope.headers or {}
  local id = type(headers.id) == 'string' and headers.id ~= '' and headers.id or nil
  return job, list, not given(headers.eta) and (id or '') or nil
end

local function restore(tag)
  local note = redis.call('HGET', notes, tag)
  if not note then
    redis.call('ZREM', index, tag)
    return
  end
  local job, list, id = read(note)
  if not job then
    others[#others + 1] = tag
    return
  end
  redis.call(ARGV[4] == 'front' and 'RPUSH' or 'LPUSH', list, job)
  if id and tonumber(ARGV[3]) > 0 then
    redis.call('HINCRBY', deliveries, id ~= '' and id or tag, 1)
    redis.call('PEXPIRE', deliveries, ARGV[3])
  end
  redis.call('ZREM', index, tag)
  redis.call('HDEL', notes, tag)
  back = back + 1
end

if #ARGV > BEFORE_TAGS then
  -- Into the front goes the last of them first.
  for n = BEFORE_TAGS + 1, #ARGV do restore(ARGV[ARGV[4] == 'front' and #ARGV + BEFORE_TAGS + 1 - n or n]) end
else
  local latest = (clock() - tonumber(ARGV[1])) / 1000
  for _, tag in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', latest, 'LIMIT', 0, ARGV[2])) do restore(tag) end
end
return {back, unpack(others)}
