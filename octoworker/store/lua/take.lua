-- include: base, notes
-- Take the first job of these queues and note who has it, in one step: a worker that is killed at any instant loses none.
-- A job stands in its list, or in the notes from which `restore` puts it back; never in a worker's hands alone.
-- In a crowd several are taken, whose producer says that they may go together. Each is noted by itself, and comes back by itself.
-- KEYS  1 index of the notes (zset: delivery tag -> s)   2 notes (hash: delivery tag -> [job, exchange, queue], as kombu has them)
--       3 deliveries that ended a worker (hash: job id -> count)   4 jobs that were set aside (list)
--       then the lists, in the order in which they are looked at
-- ARGV  1 most deliveries that may end a worker   2 ms for which such a job is kept   3 how many of them
--       4 header by which a job may go together with others   5 its value   6 task of a bulk job
--       7 of what waits, one part in so many is taken together   8 most bytes that are
--       then for each list: most jobs taken together; 0: no bulk job and none of a crowd, their places are taken
-- returns  {list, job, delivery tag, deliveries before}   {list, 'aside', reason, ''}   or nothing
--          {list, 'together', delivery tag, job, ...}, the first in the queue first
local FIRST_LIST, BEFORE_LISTS = 5, 8
local index, notes, deliveries, aside = unpack(KEYS, 1, 4)

local function text(value)
  return type(value) == 'string' and value ~= '' and value
end

-- The delivery tag, the id and the headers of a job; nothing when it is no job.
local function read(job)
  local ok, envelope = pcall(cjson.decode, job)
  if not ok or type(envelope) ~= 'table' or type(envelope.properties) ~= 'table' then return nil end
  local tag, headers = text(envelope.properties.delivery_tag), type(envelope.headers) == 'table' and envelope.headers or {}
  return tag, text(headers.id) or tag, headers
end

local function goes_together(headers)
  return headers[ARGV[4]] == tonumber(ARGV[5]) and not given(headers.eta)
end

local function note_of(list, job)
  return '[' .. job .. ',"",' .. cjson.encode(list) .. ']'
end

local function seconds()
  local time = redis.call('TIME')
  return time[1] .. '.' .. string.format('%06d', time[2])
end

local function set_aside(list, job, reason)
  lay_aside(aside, list, job, reason, ARGV[2], ARGV[3])
  redis.call('RPOP', list)
  return {list, 'aside', reason, ''}
end

-- The jobs from the first on that go together: as many as `most`, and no more than a part of those that wait.
local function found_together(list, most)
  local jobs = redis.call('LRANGE', list, -math.min(most, math.ceil(redis.call('LLEN', list) / ARGV[7])), -1)
  local found, bytes, seen, counted = {}, 0, {}, redis.call('EXISTS', deliveries) == 1
  for n = #jobs, 1, -1 do
    local tag, id, headers = read(jobs[n])
    bytes = bytes + #jobs[n]
    if not tag or seen[tag] or not goes_together(headers) or bytes > tonumber(ARGV[8]) then break end
    -- One that has ended a worker goes alone, so that it takes no other with it.
    if counted and redis.call('HEXISTS', deliveries, id) == 1 then break end
    found[#found + 1], found[#found + 2], seen[tag] = tag, jobs[n], true
  end
  return found
end

-- What a full Redis refuses comes first, and what takes the jobs away comes last: it is refused as a whole.
local function take_together(list, found)
  local noted, places, now = {}, {}, seconds()
  for n = 1, #found, 2 do
    noted[n], noted[n + 1] = found[n], note_of(list, found[n + 1])
    places[n], places[n + 1] = now, found[n]
  end
  redis.call('HSET', notes, unpack(noted))
  redis.call('ZADD', index, unpack(places))
  redis.call('LTRIM', list, 0, -#found / 2 - 1)
  return {list, 'together', unpack(found)}
end

-- The same for one.
local function take(list, job, tag, id)
  local before = number(redis.call('HGET', deliveries, id))
  if before >= tonumber(ARGV[1]) then
    local answer = set_aside(list, job, 'it ended ' .. before .. ' workers')
    redis.call('HDEL', deliveries, id)
    return answer
  end
  redis.call('HSET', notes, tag, note_of(list, job))
  redis.call('ZADD', index, seconds(), tag)
  redis.call('RPOP', list)
  return {list, job, tag, before}
end

local function looked_at(list, job, most)
  local tag, id, headers = read(job)
  if not tag then return set_aside(list, job, 'unreadable') end
  local shares = goes_together(headers)
  if most == 0 and (headers.task == ARGV[6] or shares and redis.call('LLEN', list) > 1) then return nil end
  local found = shares and most > 1 and found_together(list, most) or {}
  return #found > 2 and take_together(list, found) or take(list, job, tag, id)
end

for n = FIRST_LIST, #KEYS do
  local job = redis.call('LINDEX', KEYS[n], -1)
  local answer = job and looked_at(KEYS[n], job, tonumber(ARGV[BEFORE_LISTS + n - FIRST_LIST + 1]))
  if answer then return answer end
end
