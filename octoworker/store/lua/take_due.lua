-- The clock: take one slice of what is due or stranded, so that exactly one worker rings for each of them.
-- KEYS  1 due set (zset)   2 prefix of the records (hashes)   3 marks (hash)   4 prefix of the state indexes (zsets)
--       5 traffic (hash)   6 breaker (hash)   7 prefix of the lines (zsets)
-- ARGV  1 slice (count)   2 look-ahead (ms)   3 requeue_after (ms)   4 max_crashes   5 keep (ms)
--       6 queues (JSON: lane -> key of the broker's list, empty when the jobs are on another server)
--       7 limits (JSON: what _gates.lua asks for)   8 lease (ms)
-- returns  {now, looked_at, JSON: [[id, job id, lane, payload, delay ms, found, correlation], ...], JSON: [[id, lane, state], ...]
--          of those that were ended or parked here}; found: 'due' | 'line' | 'lease' | 'job'
--          (one text, because a client reads one long text far faster than hundreds of short ones)
local due_set, prefix, marks, index, traffic, breaker, lines = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local slice, ahead, requeue_after = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local max_crashes, keep, queues = tonumber(ARGV[4]), tonumber(ARGV[5]), cjson.decode(ARGV[6])
local limits, lease = cjson.decode(ARGV[7]), tonumber(ARGV[8])
local now = clock()
local ids = redis.call('ZRANGEBYSCORE', due_set, '-inf', now + ahead, 'LIMIT', 0, slice)
local reply, ended, empty, taken = {}, {}, {}, #ids
-- Times that the patience with a job doubles: half an hour at the usual minute.
local DOUBLED = 5

-- Looked at only because of the look-ahead, and left where it was. It counts for nothing: a slice full of these would be
-- followed by the same at once, again and again, and leave no room for the lines.
local function look_again(id, at)
  redis.call('ZADD', due_set, at, id)
  if at <= now + ahead then taken = taken - 1 end
end

-- A queue is a line: when a job behind this one has been claimed, or the line is empty, this one is gone.
local function vanished(lane, queued_at)
  -- Some of a bulk job's messages are claimed while the others still wait for it: a job must be well behind to say so.
  if number(redis.call('HGET', marks, lane)) > queued_at + requeue_after / 6 then return true end
  if empty[lane] == nil then
    empty[lane] = not given(queues[lane]) or redis.call('LLEN', queues[lane]) == 0
  end
  return empty[lane]
end

-- Whether that is proven. A queue on another server may just be long, or the server away: nobody here can see.
local function certain(lane, queued_at)
  return given(queues[lane]) or number(redis.call('HGET', marks, lane)) > queued_at
end

local function ring(record, id, lane, delay, found, rings)
  -- Each ring that nobody answers doubles the patience, so that a slow fleet is not flooded; but not for ever: after an
  -- outage of a day nobody shall wait for another one.
  redis.call('HSET', record, 'queued_at', now, 'rung', 1, 'rings', rings)
  redis.call('ZADD', due_set, now + delay + requeue_after * 2 ^ math.min(rings, DOUBLED), id)
  local job = redis.call('HMGET', record, 'job', 'payload', 'correlation')
  reply[#reply + 1] = {id, job[1] or id, lane, job[2] or '{}', math.max(0, delay), found, job[3] or ''}
end

local function stop(record, id, lane, from, reason, ends)
  ends(record, id, index, now, from, 'dead', reason, keep)
  no_wake(record, id, due_set)
  ended[#ended + 1] = {id, lane, redis.call('HGET', record, 'state')}
end

for _, id in ipairs(ids) do
  local record = prefix .. id
  local f = redis.call('HMGET', record, 'state', 'due', 'lease_until', 'queued_at', 'lane', 'rung', 'rings', 'parked',
                       'line', 'expires', 'uses', 'created', 'campaign', 'ready')
  local state, due, rings = f[1], number(f[2]), number(f[7])
  local lane = f[5] or 'normal'
  if not state or FINAL[state] or f[8] then
    redis.call('ZREM', due_set, id)
  elseif f[9] then
    if number(f[10]) == 0 or number(f[10]) > now then
      look_again(id, given(f[10]) and math.min(number(f[10]), now + LOOK) or now + LOOK)
      if f[13] and f[9] == 'campaign:' .. f[13] and not redis.call('HGET', CAMPAIGNS .. f[13], 'paused') then
        change_line(record, id, lines, f[9], lane .. ':t', ready(f[14], f[12]))
      else
        redis.call('ZADD', lines .. f[9], 'NX', ready(f[14], f[12]), id)
      end
    elseif number(f[11]) == 0 and state == 'waiting' then
      finish(record, id, index, now, state, 'expired', 'expires_at had passed before it could be sent', keep)
      no_wake(record, id, due_set)
      leave(record, id, lines)
      ended[#ended + 1] = {id, lane, redis.call('HGET', record, 'state')}
    else
      redis.call('HSET', record, 'parked', 1)
      move(record, id, index, now, state, 'unknown', 'expired before its outcome was known; may have been sent, a person decides', keep)
      no_wake(record, id, due_set)
      leave(record, id, lines)
      ended[#ended + 1] = {id, lane, 'unknown'}
    end
  elseif state == 'submitting' then
    local lease_until = number(f[3])
    if lease_until > now then
      look_again(id, lease_until)
    else
      local crashes = redis.call('HINCRBY', record, 'crashes', 1)
      if crashes >= max_crashes then
        stop(record, id, lane, state, 'stopped: ' .. crashes .. ' workers in a row did not come back from it; may have been sent', move)
      else
        move(record, id, index, now, state, 'unknown', 'the worker that had it did not come back', keep)
        ring(record, id, lane, 0, 'lease', 0)
      end
    end
  elseif state == 'queued' or f[6] then
    if number(redis.call('ZSCORE', due_set, id)) > now then
      taken = taken - 1
    elseif not vanished(lane, number(f[4])) then
      redis.call('ZADD', due_set, now + requeue_after, id)
    elseif rings + 1 >= max_crashes and certain(lane, number(f[4])) and number(redis.call('HGET', record, 'uses')) == 0 then
      stop(record, id, lane, state, 'stopped: its job vanished ' .. (rings + 1) .. ' times before a worker could claim it', finish)
    else
      ring(record, id, lane, 0, 'job', rings + 1)
    end
  else
    if state ~= 'unknown' then move(record, id, index, now, state, 'queued', 'due', keep) end
    ring(record, id, lane, due - now, 'due', 0)
  end
end
-- The lines before the gates: as many as may go until the look-ahead ends, each with its own instant.
local gates = read_gates(traffic, breaker, limits, now)

local function heads(lane)
  local waiting = {}
  for _, kind in ipairs({':t', ':m'}) do
    if not paused(gates, lane, kind == ':m') then
      local found = redis.call('ZRANGE', lines .. lane .. kind, 0, slice - 1, 'WITHSCORES')
      for i = 1, #found, 2 do waiting[#waiting + 1] = {found[i], tonumber(found[i + 1]), lane .. kind, lane} end
    end
  end
  table.sort(waiting, function(a, b) return a[2] < b[2] end)
  return waiting
end

local function let_go(head, delay)
  local id, record = head[1], prefix .. head[1]
  local f = redis.call('HMGET', record, 'state', 'line', 'lane')
  if not f[1] or FINAL[f[1]] or f[2] ~= head[3] then
    redis.call('ZREM', lines .. head[3], id)
    return false
  end
  redis.call('HSET', record, 'granted', 1)
  redis.call('HDEL', record, 'line')
  redis.call('ZREM', lines .. head[3], id)
  if f[1] == 'waiting' then move(record, id, index, now, 'waiting', 'queued', 'its turn', keep) end
  ring(record, id, f[3] or head[4], delay, 'line', 0)
  return true
end

-- The next in turn.
local function first(waiting, at, turn)
  for _, lane in ipairs(TURNS[turn % 10] or LANES) do
    if waiting[lane][at[lane]] then return waiting[lane][at[lane]] end
  end
end

-- The first that has not failed as a probe yet: a message that fails whenever it is called, like one to so many that the
-- answer comes too late, must not speak for Octopush again and again.
local function fresh(waiting, turn)
  for _, lane in ipairs(TURNS[turn % 10] or LANES) do
    for _, head in ipairs(waiting[lane]) do
      if not head.tried and redis.call('HEXISTS', prefix .. head[1], 'probed') == 0 then
        head.tried = true
        return head
      end
    end
  end
end

local released = 0
local open = gates.breaker ~= 'open'
-- A probe has one lease; what says more was written before the clock was set back.
local probe_away = gates.probe_until > now and gates.probe_until <= now + lease
local probing = not open and gates.open_until <= now and not probe_away
if not gates.brake and not gates.paused.all and (open or probing) then
  local waiting, at = {}, {urgent = 1, normal = 1, bulk = 1}
  for _, lane in ipairs(LANES) do waiting[lane] = heads(lane) end
  while taken + released < slice do
    local head = probing and fresh(waiting, gates.turn)
    if not head then
      head = first(waiting, at, gates.turn)
      if not head then break end
      at[head[4]] = at[head[4]] + 1
    end
    local ms = takes(gates, limits, now, number(redis.call('HGET', prefix .. head[1], 'segments')))
    if ms > 0 and gates.tat >= now + ahead then break end
    local slot = ms > 0 and math.max(gates.tat, now) or now
    if let_go(head, slot - now) then
      released, gates.turn = released + 1, gates.turn + 1
      if ms > 0 then gates.tat = slot + ms end
      if probing then
        redis.call('HSET', breaker, 'probe', head[1], 'probe_until', string.format('%.0f', now + lease))
        break
      end
    end
  end
  if released > 0 then redis.call('HSET', traffic, 'tat', string.format('%.3f', gates.tat), 'paced', now, 'turn', gates.turn % 1000) end
end
return {now, taken + released, #reply > 0 and cjson.encode(reply) or '[]', #ended > 0 and cjson.encode(ended) or '[]'}
