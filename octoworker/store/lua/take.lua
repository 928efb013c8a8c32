-- include: base, notes
-- Take the first job of these queues and note who has it, in one step: a worker that is killed at any instant loses none.
-- A job stands in its list, or in the notes from which `restore` puts it back; never in a worker's hands alone.
-- KEYS  1 index of the notes (zset: delivery tag -> s)   2 notes (hash: delivery tag -> [job, exchange, queue], as kombu has them)
--       3 deliveries that ended a worker (hash: job id -> count)   4 jobs that were set aside (list)
--       then the lists, in the order in which they are looked at
-- ARGV  1 most deliveries that may end a worker   2 ms for which such a job is kept   3 how many of them
-- returns  {list, job, delivery tag, deliveries before}   {list, 'aside', reason, ''}   or nothing
local FIRST_LIST = 5
local index, notes, deliveries, aside = unpack(KEYS, 1, 4)

local function text(value)
  return type(value) == 'string' and value ~= '' and value
end

-- The delivery tag and the id of a job; nothing when it is no job.
local function read(job)
  local ok, envelope = pcall(cjson.decode, job)
  if not ok or type(envelope) ~= 'table' or type(envelope.properties) ~= 'table' then return nil end
  local tag = text(envelope.properties.delivery_tag)
  return tag, type(envelope.headers) == 'table' and text(envelope.headers.id) or tag
end

local function set_aside(list, job, reason)
  lay_aside(aside, list, job, reason, ARGV[2], ARGV[3])
  redis.call('RPOP', list)
  return {list, 'aside', reason, ''}
end

-- What a full Redis refuses comes first, and what takes the job away comes last: it is refused as a whole.
local function take(list, job)
  local tag, id = read(job)
  if not tag then return set_aside(list, job, 'unreadable') end
  local before = number(redis.call('HGET', deliveries, id))
  if before >= tonumber(ARGV[1]) then
    local answer = set_aside(list, job, 'it ended ' .. before .. ' workers')
    redis.call('HDEL', deliveries, id)
    return answer
  end
  local time = redis.call('TIME')
  redis.call('HSET', notes, tag, '[' .. job .. ',"",' .. cjson.encode(list) .. ']')
  redis.call('ZADD', index, time[1] .. '.' .. string.format('%06d', time[2]), tag)
  redis.call('RPOP', list)
  return {list, job, tag, before}
end

for n = FIRST_LIST, #KEYS do
  local job = redis.call('LINDEX', KEYS[n], -1)
  if job then return take(KEYS[n], job) end
end
