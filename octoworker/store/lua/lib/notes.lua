-- Jobs between their list and the hands of a worker, and those that were set aside.
-- notes (hash)  delivery tag -> '[' .. job .. ',"",' .. its list .. ']', as kombu has them
-- aside (list)  {at (s), queue, reason, job}: jobs that could not be read or ended several workers, as they came

-- The job of a note as it came, its list, and the job read; nothing when somebody else than `take` noted it.
local function read_note(note)
  local ok, parts = pcall(cjson.decode, note)
  if not ok or type(parts) ~= 'table' then return nil end
  local envelope, _, list = unpack(parts)
  if type(list) ~= 'string' then return nil end
  local tail = ',"",' .. cjson.encode(list) .. ']'
  if string.sub(note, -#tail) ~= tail then return nil end
  return string.sub(note, 2, -#tail - 1), list, envelope
end

-- Lay a job aside for `keep` ms, as one of the latest `most`.
local function lay_aside(aside, list, job, reason, keep, most)
  local seconds = tonumber(redis.call('TIME')[1])
  redis.call('LPUSH', aside, cjson.encode({at = seconds, queue = list, reason = reason, job = job}))
  redis.call('LTRIM', aside, 0, most - 1)
  redis.call('PEXPIRE', aside, keep)
end
