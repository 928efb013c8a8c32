-- include: message
-- Publishing the job of a message: a script marks it in the record, and its caller publishes what it is told of.

-- Times that the patience with a job doubles: half an hour at the usual minute.
local DOUBLED = 5

-- What the scheduler is to publish.
local wakeups = {}

-- Whether its next step has an instant of its own: `stage` publishes its job then. All others that are not over are looked at
-- by `rescue`.
local function waits_for_its_time(message)
  local state = message.state
  return (state == 'scheduled' or state == 'waiting' or state == 'unknown')
    and not message.backlog and not message.woken and not message.needs_review
end

-- `found`: 'due' | 'backlog' | 'lease' | 'job'; `publish_count`: jobs in a row that nobody claimed.
-- `delay`: ms ahead of its instant.
local function wake(message, found, delay, publish_count, requeue_after)
  delay = math.max(0, delay)
  redis.call('HSET', message.key, 'published_at', message.now, 'woken', 1, 'publish_count', publish_count)
  -- Each job that nobody claims doubles the patience, so that a slow fleet is not flooded; but not for ever: after an
  -- outage of a day nobody shall wait for another one.
  local patience = requeue_after * 2 ^ math.min(publish_count, DOUBLED)
  redis.call('ZADD', DUE, message.now + delay + patience, message.id)
  local job = fill({}, message.key, 'job_id', 'payload', 'correlation', 'lane', 'incarnation', 'by_job')
  wakeups[#wakeups + 1] = {
    message_id = message.id, job_id = job.job_id or message.id, lane = job.lane or 'normal', payload = job.payload or '{}',
    delay = delay, found = found, published_at = message.now, correlation = job.correlation or '',
    incarnation = job.incarnation or '', by_job = job.by_job and true or false}
end

-- An empty Lua table would be {} in JSON.
local function as_json(list)
  return #list > 0 and cjson.encode(list) or '[]'
end
