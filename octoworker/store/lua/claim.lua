-- Decide in one step all that a worker must know before it may call Octopush.
-- KEYS  1 record (hash)   2 due set (zset)   3 marks (hash)   4 prefix of the state indexes (zsets)   5 traffic (hash)
--       6 breaker (hash)   7 prefix of the lines (zsets)   8 this day (hash)   9 prefix of the caps   10 account (hash)
-- ARGV  1 id   2 job (JSON: fp, lane, job_id, nonce, keep, lease, key_window, requeue_after, slack (ms), max_crashes,
--         segments, rung_at, hold_until, closed_until, refuse_before, expires_at, rings_at (ms or absent), past_reason, marketing,
--         wish (what _caps.lua asks for, or absent))   3 payload (JSON)   4 limits (JSON: what _gates.lua and _caps.lua ask for)
-- returns  {'go', JSON: [token, generation, used_before, doubtful, attempts, now, since, maybe_at, pending, outcomes, cost,
--           ready (ms since which it may go), correlation]}
--          {'done', record (JSON)}   nothing is left to do: final, or parked for a person
--          {'stopped', record (JSON)}   nothing is left to do from now on: this claim ended or parked it
--          {'busy'}                  another worker has the lease
--          {'wait', record (JSON)}   not now: not due, or it stands in a line before the gates
--          {'held', record (JSON)}   not now, and this claim made it wait
--          {'conflict'}              the id belongs to a message with other content
local record, due_set, marks, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local traffic, breaker, lines, day, caps, account = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local id, job, limits, now = ARGV[1], cjson.decode(ARGV[2]), cjson.decode(ARGV[4]), clock()

if redis.call('EXISTS', record) == 0 then create(record, id, due_set, now, job, ARGV[3]) end
local f = redis.call('HMGET', record, 'state', 'fp', 'due', 'lease_until', 'nonce', 'token', 'gen', 'uses',
                     'doubt', 'attempts', 'crashes', 'maybe_at', 'created', 'since', 'lane',
                     'parked', 'pending', 'outcomes', 'cost', 'line', 'granted', 'counted', 'campaign', 'correlation', 'ready')
local lane, line, granted, counted, campaign = f[15], f[20], f[21], f[22], f[23]
local state, due, lease_until, uses = f[1], number(f[3]), number(f[4]), number(f[8])
local attempts, crashes, maybe_at = number(f[10]), number(f[11]), number(f[12])
local since = number(f[14])
local ready_at = ready(f[25], f[13])
if given(job.hold_until) then ready_at = math.max(ready_at, math.min(job.hold_until, now)) end

local function go(token)
  return {'go', cjson.encode({token, number(f[7]), uses > 0, number(f[9]) > 0, attempts + 1, now, since,
                              maybe_at > 0 and maybe_at or now, f[17] or '', f[18] or '', f[19] or '', ready_at, f[24] or ''})}
end

local function stop(to, reason)
  local ends = uses == 0 and finish or move
  ends(record, id, index, now, state, to, reason, job.keep)
  no_wake(record, id, due_set)
  leave(record, id, lines)
  no_probe(breaker, id)
  if to == 'unknown' then redis.call('HSET', record, 'parked', 1) end
  return told('stopped', record)
end

-- A message whose id is random has no print: nobody else can have that id.
if f[2] ~= '' and f[2] ~= job.fp then return {'conflict'} end
-- This lane has been served up to where this very job stood in it: an older one without its claim has been lost.
-- Not up to where the record says: it may have been rung again since, at the end of the line. A mark in the future was
-- made before the clock was set back, and would make every job look lost.
local position = given(job.rung_at) and job.rung_at or number(f[13])
local mark = number(redis.call('HGET', marks, lane))
if position > mark or mark > now then redis.call('HSET', marks, lane, math.min(position, now)) end
if FINAL[state] or f[16] then
  no_probe(breaker, id)
  return told('done', record)
end

if state == 'submitting' then
  if lease_until > now then
    -- The same claim asked twice, because the first reply was lost on the way: the same answer.
    if f[5] == job.nonce then attempts = attempts - 1; uses = uses - 1; return go(number(f[6])) end
    return {'busy'}
  end
  crashes = redis.call('HINCRBY', record, 'crashes', 1)
  if crashes >= job.max_crashes then
    return stop('dead', 'stopped: ' .. crashes .. ' workers in a row did not come back from it; may have been sent')
  end
  move(record, id, index, now, state, 'unknown', 'the worker that had it did not come back', job.keep)
  state = 'unknown'
elseif due > now + job.slack then
  -- Rung too early, by a worker whose clock is ahead: it waits again, for the clock that counts.
  if state == 'queued' then move(record, id, index, now, state, 'waiting', 'its job came too early', job.keep, due) end
  redis.call('ZADD', due_set, due, id)
  redis.call('HDEL', record, 'rung')
  return told(state == 'queued' and 'held' or 'wait', record)
end

if attempts == 0 and given(job.refuse_before) and number(f[13]) > job.refuse_before then
  return stop('rejected', job.past_reason)
end
if given(job.expires_at) and job.expires_at <= now then
  if uses > 0 then return stop('unknown', 'expired before its outcome was known; may have been sent, a person decides') end
  return stop('expired', 'expires_at had passed before it could be sent')
end
if uses > 0 and now - maybe_at > job.key_window then
  return stop('unknown', 'Octopush may have forgotten the key by now; may have been sent, a person decides')
end

-- It stands in a line already: the clock lets it go, not this job. Nor may a late copy of a job hold it beside its line.
if line then
  redis.call('ZADD', lines .. line, 'NX', ready_at, id)
  return told('wait', record)
end

local function hold(until_, reason, to)
  redis.call('HSET', record, 'segments', job.segments, 'ready', until_)
  redis.call('HDEL', record, 'rung', 'granted')
  move(record, id, index, now, state, to or 'scheduled', reason, job.keep, until_)
  wake_at(record, id, due_set, until_)
  no_probe(breaker, id)
  return told('held', record)
end

-- A message that was held once is due when its record says so: a person may have moved it since this job was published.
if given(job.hold_until) and not f[3] and attempts == 0 and uses == 0 and job.hold_until > now + job.slack then
  return hold(math.max(job.hold_until, given(job.closed_until) and job.closed_until or 0), 'held until due')
end
if given(job.closed_until) and uses == 0 and job.closed_until > now + job.slack then
  return hold(job.closed_until, 'advertising waits for its hours')
end

local gates = read_gates(traffic, breaker, limits, now)
local reason, at, never = shut(gates, id, lane, job.marketing)
local own_line
if not reason and campaign and redis.call('HGET', CAMPAIGNS .. campaign, 'paused') then
  reason, own_line = 'its campaign is paused', 'campaign:' .. campaign
end
if not reason and given(job.wish) and not counted and uses == 0 then
  reason, at, never = capped(caps, day, account, limits.caps, job.wish, id, now)
  if reason then
    reason = 'cap: ' .. reason .. (at and '; it may go at ' .. iso(at) or '')
    if never or limits.caps.refuse then return stop('rejected', reason) end
    return hold(at, reason, 'waiting')
  end
end
if not reason and not granted and not has_room(gates, limits, lines, now, lane, job.segments) then
  reason = 'waits for its turn (OCTOWORKER_RATE, or Octopush coming back)'
end
if reason then
  join(record, id, due_set, index, lines, now, {line = own_line or line_name(lane, job.marketing), state = state, uses = uses,
       ready = ready_at, segments = job.segments, expires = job.expires_at, keep = job.keep}, reason)
  no_probe(breaker, id)
  return told('held', record)
end

went(traffic, gates, now, job.segments)
-- The probe has its whole lease for the call, however long its job was on the way.
if gates.breaker == 'open' then redis.call('HSET', breaker, 'probe_until', now + job.lease) end
if given(job.wish) and not counted then count_in(caps, day, account, limits.caps, job.wish, record, id, now) end
move(record, id, index, now, state, 'submitting', '', job.keep)
local token = redis.call('HINCRBY', record, 'token', 1)
if maybe_at == 0 then redis.call('HSET', record, 'maybe_at', now) end
if given(job.rings_at) then redis.call('HSET', record, 'rings_at', job.rings_at) end
-- Its age is the age of its trying: days in which it was held, paused or out of hours leave it all its retries.
if attempts == 0 then
  since = now
  redis.call('HSET', record, 'since', now)
end
redis.call('HSET', record, 'lease_until', now + job.lease, 'nonce', job.nonce, 'uses', uses + 1,
           'attempts', attempts + 1, 'segments', job.segments, 'rings', 0)
redis.call('HDEL', record, 'due', 'rung', 'granted')
redis.call('ZADD', due_set, now + job.lease, id)
return go(token)
