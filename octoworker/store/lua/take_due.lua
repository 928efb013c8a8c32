-- The clock: take one slice of what is due or stranded, so that exactly one worker rings for each of them.
-- KEYS  1 due set (zset)   2 prefix of the records (hashes)   3 marks (hash)   4 prefix of the state indexes (zsets)
-- ARGV  1 slice (count)   2 look-ahead (ms)   3 requeue_after (ms)   4 max_crashes   5 keep (ms)
--       6 queues (JSON: lane -> key of the broker's list, empty when the jobs are on another server)
-- returns  {now, looked_at, JSON: [[id, job id, lane, payload, delay ms, found], ...]}; found: 'due' | 'lease' | 'job'
--          (one text, because a client reads one long text far faster than hundreds of short ones)
local due_set, prefix, marks, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local slice, ahead, requeue_after = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local max_crashes, keep, queues = tonumber(ARGV[4]), tonumber(ARGV[5]), cjson.decode(ARGV[6])
local now = clock()
local ids = redis.call('ZRANGEBYSCORE', due_set, '-inf', now + ahead, 'LIMIT', 0, slice)
local reply, empty = {}, {}

-- A queue is a line: when a job behind this one has been claimed, or the line is empty, this one is gone.
local function vanished(lane, queued_at)
  if number(redis.call('HGET', marks, lane)) > queued_at then return true end
  if empty[lane] == nil then
    empty[lane] = not given(queues[lane]) or redis.call('LLEN', queues[lane]) == 0
  end
  return empty[lane]
end

local function ring(record, id, lane, delay, found, rings)
  -- Each ring that nobody answers doubles the patience, so that a slow fleet is not flooded.
  redis.call('HSET', record, 'queued_at', now, 'rung', 1, 'rings', rings)
  redis.call('ZADD', due_set, now + delay + requeue_after * 2 ^ rings, id)
  local job = redis.call('HMGET', record, 'job', 'payload')
  reply[#reply + 1] = {id, job[1] or id, lane, job[2] or '{}', math.max(0, delay), found}
end

local function stop(record, id, from, reason)
  move(record, id, index, now, from, 'dead', reason, keep)
  no_wake(record, id, due_set)
end

for _, id in ipairs(ids) do
  local record = prefix .. id
  local f = redis.call('HMGET', record, 'state', 'due', 'lease_until', 'queued_at', 'lane', 'rung', 'rings', 'parked')
  local state, due, rings = f[1], number(f[2]), number(f[7])
  local lane = f[5] or 'normal'
  if not state or FINAL[state] or f[8] then
    redis.call('ZREM', due_set, id)
  elseif state == 'submitting' then
    local lease_until = number(f[3])
    if lease_until > now then
      redis.call('ZADD', due_set, lease_until, id)
    else
      local crashes = redis.call('HINCRBY', record, 'crashes', 1)
      if crashes >= max_crashes then
        stop(record, id, state, 'stopped: ' .. crashes .. ' workers in a row did not come back from it; may have been sent')
      else
        move(record, id, index, now, state, 'unknown', 'the worker that had it did not come back', keep)
        ring(record, id, lane, 0, 'lease', 0)
      end
    end
  elseif state == 'queued' or f[6] then
    if number(redis.call('ZSCORE', due_set, id)) > now then
      -- seen only because of the look-ahead
    elseif not vanished(lane, number(f[4])) then
      redis.call('ZADD', due_set, now + requeue_after, id)
    elseif rings + 1 >= max_crashes and number(redis.call('HGET', record, 'uses')) == 0 then
      stop(record, id, state, 'stopped: its job vanished ' .. (rings + 1) .. ' times before a worker could claim it')
    else
      ring(record, id, lane, 0, 'job', rings + 1)
    end
  else
    if state ~= 'unknown' then move(record, id, index, now, state, 'queued', 'due', keep) end
    ring(record, id, lane, due - now, 'due', 0)
  end
end
return {now, #ids, #reply > 0 and cjson.encode(reply) or '[]'}
