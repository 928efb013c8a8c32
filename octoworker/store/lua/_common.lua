-- Shared by every script, put in front of it when it is loaded. No KEYS or ARGV of its own.
-- A script that fails half way is not undone. Redis decides once, when a script starts, whether memory is left for it;
-- so each script's first change is one that a full Redis refuses (HSET, HINCRBY), before any that it would let pass (HDEL).
-- The clock that counts is the clock of Redis: no worker's clock decides anything here.

local FINAL = {accepted = true, delivered = true, undelivered = true, rejected = true,
               expired = true, cancelled = true, dead = true}
-- Ends that a person may ask about, counted by their reasons.
local FAILED = {rejected = true, dead = true, expired = true, undelivered = true}
-- States found through the due set alone; all others stand in an index of their own, for `list`.
local UNLISTED = {queued = true, submitting = true}
-- A history longer than this loses its middle: the beginning and the latest lines tell the story.
local HISTORY_LINES = 100

local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function number(text)
  return tonumber(text or '') or 0
end

local function given(value)
  return value and value ~= cjson.null and value ~= ''
end

local function append(history, line)
  local _, lines = string.gsub(history, '\n', '')
  if lines >= HISTORY_LINES then
    local first = string.find(history, '\n', 1, true)
    local second = string.find(history, '\n', first + 1, true)
    history = string.sub(history, 1, first) .. string.sub(history, second + 1)
  end
  return history .. line .. '\n'
end

-- How many people of a campaign stand in each state: changed with the record, in one step, so counted exactly once.
local function tally(campaign, people, from, to, reason)
  local counts = CAMPAIGNS .. campaign .. ':counts'
  if from then redis.call('HINCRBY', counts, from, -people) end
  redis.call('HINCRBY', counts, to, people)
  if FAILED[to] then redis.call('HINCRBY', CAMPAIGNS .. campaign .. ':reasons', reason, people) end
end

-- A campaign ends no sooner than its messages: theirs moves its own. While it is paused it has none, for when it went, its
-- messages would go out.
local function outlive(campaign, keep, ahead, to)
  local root = CAMPAIGNS .. campaign
  local left = redis.call('PTTL', root)
  if left == -1 then return end
  local unkept = FAILED[to] and redis.call('PTTL', root .. ':reasons') == -1
  if left >= ahead + keep * 0.9 and not unkept then return end
  for _, part in ipairs({'', ':counts', ':reasons', ':messages'}) do
    redis.call('PEXPIRE', root .. part, string.format('%.0f', math.max(left, ahead + keep)))
  end
end

-- One move: state, reason, history, index, time to live. `keep` in ms.
local function move(record, id, index, now, from, to, reason, keep, due)
  local f = redis.call('HMGET', record, 'history', 'campaign', 'people', 'rings_at')
  local history = f[1] or ''
  redis.call('HSET', record, 'state', to, 'reason', reason, 'changed', now,
             'history', append(history, string.format('%.0f|%s|%s', now, to, reason)))
  if f[2] and from ~= to then tally(f[2], number(f[3]), from, to, reason) end
  if f[2] then outlive(f[2], keep, due and math.max(0, due - now) or 0, to) end
  if from and not UNLISTED[from] then redis.call('ZREM', index .. from, id) end
  if not UNLISTED[to] then redis.call('ZADD', index .. to, due or now, id) end
  -- What Octopush holds for later is kept that much longer: forgotten before it rings, it could be sent again.
  if FINAL[to] then redis.call('PEXPIRE', record, keep + math.max(0, number(f[4]) - now)) else redis.call('PERSIST', record) end
end

-- The outcomes by recipient, when somebody has the message already; else nil.
local function reached(record)
  local text = redis.call('HGET', record, 'outcomes')
  local outcomes = cjson.decode(given(text) and text or '{}')
  for _, outcome in pairs(outcomes) do
    if outcome.state == 'accepted' or outcome.state == 'delivered' or outcome.state == 'undelivered' then return outcomes end
  end
end

-- The end of a message of which nothing is in doubt. Where some recipients have it, it ends as accepted, and a replay asks
-- for force: else it would ring with them a second time.
local function finish(record, id, index, now, from, to, reason, keep)
  local outcomes = reached(record)
  if outcomes then
    for _, outcome in pairs(outcomes) do
      if outcome.state == 'waiting' then outcome.state = 'rejected' end
    end
    to, reason = 'accepted', 'accepted for some recipients only: ' .. reason
    redis.call('HSET', record, 'outcomes', cjson.encode(outcomes), 'pending', '')
  end
  move(record, id, index, now, from, to, reason, keep)
end

local function wake_at(record, id, due_set, at)
  redis.call('HSET', record, 'due', string.format('%.0f', at))
  redis.call('ZADD', due_set, at, id)
end

local function no_wake(record, id, due_set)
  redis.call('HDEL', record, 'due')
  redis.call('ZREM', due_set, id)
end

-- Since when a message may go, but for the gates: since it was taken, or was due. That is its age in queues and lines;
-- days in which it was held are none.
local function ready(at, created)
  return number(given(at) and at or created)
end

local function create(record, id, due_set, now, job, payload)
  redis.call('HSET', record, 'state', 'queued', 'fp', job.fp, 'payload', payload, 'lane', job.lane, 'job', job.job_id,
             'created', now, 'since', now, 'queued_at', now, 'reason', '', 'changed', now,
             'history', string.format('%.0f|queued|\n', now))
  if given(job.correlation) then redis.call('HSET', record, 'correlation', job.correlation) end
  if given(job.campaign) then
    redis.call('HSET', record, 'campaign', job.campaign, 'people', job.people)
    tally(job.campaign, job.people, nil, 'queued', '')
  end
  redis.call('ZADD', due_set, now + job.requeue_after, id)
end

-- What a script answers: its verdict, and the record as one JSON text [field, value, ...], because a client reads one
-- long text far faster than many short ones.
local function told(verdict, record, ...)
  return {verdict, cjson.encode(redis.call('HGETALL', record)), ...}
end
