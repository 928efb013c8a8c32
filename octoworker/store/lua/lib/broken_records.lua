-- include: base
-- A record that no script can handle: it is set apart, and the others go on.
-- BROKEN_RECORDS (zset)  id -> ms at which a script failed on it; `doctor` names them, an operator removes them

-- What an error says that is about Redis as a whole. All others come from a record that is not as we write it.
local OF_REDIS = {'OOM command', 'READONLY', 'MISCONF', 'NOREPLICAS'}

-- Do this with one of many records. One on which it fails is taken out of the due set and kept where `doctor` sees it: it must
-- not stop the others, nor come again in each round. Whether it was done, and what came of it.
local function with_record(id, act, ...)
  local ok, problem = pcall(act, ...)
  if ok then return true, problem end
  local text = type(problem) == 'table' and problem.err or tostring(problem)
  for _, each in ipairs(OF_REDIS) do
    if string.find(text, each, 1, true) then error(problem) end
  end
  redis.call('ZADD', BROKEN_RECORDS, clock(), id)
  redis.call('ZREM', DUE, id)
  return false
end
