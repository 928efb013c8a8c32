-- include: wakeups, backlog, accounts, broken_records
-- Rescue one slice of what is stranded: leases that ran out, jobs that vanished, backlogged messages that expired or whose
-- backlog was lost. Each is given to one scheduler only.
-- KEYS  none: the due set names the records
-- ARGV  1 request (JSON: slice (count), requeue_after, keep, absent_after, key_window (ms), account, max_crashes, queues (lane -> key of the broker's list, empty
--         when the jobs are on another server))
-- returns  {looked_at, wakeups (JSON: see wakeups), ended (JSON: [[id, lane, state], ...])}
--          looked_at: a full slice means that there may be more   ended: ended here, or left to an operator
local request, now = cjson.decode(ARGV[1]), clock()
local requeue_after, max_crashes, queues = request.requeue_after, request.max_crashes, request.queues
local ended, empty = {}, {}
-- Times `requeue_after`: after ten minutes at the usual minute a job that was lost in a long queue is found at the latest.
local MOST_PATIENCE = 10

-- A mark in the future was made before the clock was set back, and says nothing.
local function consumed_until(lane)
  local mark = number(redis.call('HGET', CONSUMED_UNTIL, lane))
  return mark <= now and mark or 0
end

-- A queue is consumed in its order: when a job behind this one has been claimed, or the queue is empty, this one is gone.
local function vanished(lane, published_at)
  -- Some of a bulk job's messages are claimed while the others still wait for it: a job must be well behind to say so.
  if consumed_until(lane) > published_at + requeue_after / 6 then return true end
  if empty[lane] == nil then
    empty[lane] = not given(queues[lane]) or redis.call('LLEN', queues[lane]) == 0
  end
  return empty[lane]
end

-- How long a job that still stands in its queue is left alone: the longer it has stood there, and the farther the jobs are that
-- workers take now, the longer it will. A backlog of millions, each looked at once a minute, would be all that Redis does.
local function patience(lane, published_at)
  local mark = consumed_until(lane)
  local distance = math.max(now - published_at, mark > 0 and published_at - mark or 0)
  return math.min(math.max(requeue_after, distance), MOST_PATIENCE * requeue_after)
end

-- Whether that is proven. A queue on another server may just be long, or the server away: nobody here can see.
local function certain(lane, published_at)
  return given(queues[lane]) or consumed_until(lane) > published_at
end

local function note_end(message)
  no_wake(message)
  ended[#ended + 1] = {message.id, message.lane or 'normal', message.state}
end

local function from_lease(message)
  read_message(message, 'lease_until', 'lane')
  local lease_until = number(message.lease_until)
  if lease_until > now then
    redis.call('ZADD', DUE, lease_until, message.id)
    return
  end
  local crashes = redis.call('HINCRBY', message.key, 'crashes', 1)
  if crashes >= max_crashes then
    move(message, 'dead', 'stopped: ' .. crashes .. ' workers in a row did not come back from it; may have been sent')
    note_end(message)
  else
    move(message, 'unknown', 'the worker that had it did not come back')
    wake(message, 'lease', 0, 0, requeue_after)
  end
end

local function from_queue(message)
  read_message(message, 'created', 'published_at', 'publish_count', 'key_uses', 'lane')
  local lane, published = message.lane or 'normal', number(message.publish_count) + 1
  local published_at = number(message.published_at or message.created)
  if not vanished(lane, published_at) then
    redis.call('ZADD', DUE, now + patience(lane, published_at), message.id)
  elseif published >= max_crashes and certain(lane, published_at) and number(message.key_uses) == 0 then
    finish(message, 'dead', 'stopped: its job vanished ' .. published .. ' times before a worker could claim it')
    note_end(message)
  else
    wake(message, 'job', 0, published, requeue_after)
  end
end

-- Its backlog may have been lost, or its campaign resumed while it was on its way into that one's backlog.
local function back_into_backlog(message, expires_at)
  local look = of_another(message, request.account) and request.absent_after or LOOK
  redis.call('ZADD', DUE, expires_at > 0 and math.min(expires_at, now + look) or now + look, message.id)
  local backlog, campaign = message.backlog, message.campaign
  local resumed = campaign and backlog == 'campaign:' .. campaign and not redis.call('HGET', CAMPAIGNS .. campaign, 'paused')
  if resumed then
    change_backlog(message, backlog, backlog_of(message.lane), eligible_since(message))
  else
    redis.call('ZADD', BACKLOGS .. backlog, 'NX', eligible_since(message), message.id)
  end
end

local function from_backlog(message)
  read_message(message, 'expires_at', 'key_uses', 'created', 'campaign', 'eligible_at', 'lane', 'account')
  -- It waits for workers of an account that has none any more.
  if of_another(message, request.account) and not runs(message.account, now, request.absent_after) then
    desert(message, request.key_window)
    return note_end(message)
  end
  local expires_at = number(message.expires_at)
  if expires_at == 0 or expires_at > now then return back_into_backlog(message, expires_at) end
  if number(message.key_uses) == 0 and message.state == 'waiting' then
    finish(message, 'expired', 'expires_at had passed before it could be sent')
  else
    ask_operator(message, 'unknown', 'expired before its outcome was known; may have been sent, an operator decides')
  end
  leave_backlog(message)
  note_end(message)
end

local function look_at(id)
  local message = {id = id, key = RECORDS .. id, now = now, keep = request.keep}
  read_message(message, 'state', 'backlog', 'woken', 'needs_review')
  if not message.state or FINAL[message.state] or message.needs_review then
    redis.call('ZREM', DUE, id)
  elseif message.backlog then
    from_backlog(message)
  elseif message.state == 'submitting' then
    from_lease(message)
  elseif not waits_for_its_time(message) then
    from_queue(message)
  end
end

is_here(request.account, now)
local ids = redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, request.slice)
for _, id in ipairs(ids) do with_record(id, look_at, id) end
return {#ids, as_json(wakeups), as_json(ended)}
