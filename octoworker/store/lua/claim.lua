-- include: message, flow_control, caps, opt_outs, accounts, epoch, found, many
-- Decide in one step all that a worker must know before it may call Octopush.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 request (JSON: fingerprint, lane, job_id, claim_nonce, keep, lease, key_window, requeue_after, slack (ms),
--         max_crashes, absent_after (ms), segments, marketing, ours (bool: its record was there when the job was
--         published); where they are known: published_at, hold_until, closed_until, refuse_before, past_reason (with it), expires_at,
--         deliver_at, planned_at (ms), plan_slack (ms, with it), day (with cap_request),
--         epoch (see epoch: what its worker has seen), correlation,
--         incarnation (see replace), cap_request (see caps); opt_outs: recipient -> hashes;
--         parts: marketing to several countries that open at different times, each as country, id, payload, fingerprint, people;
--         found_by (see found);
--         unread: who was listed and could not be read -> outcome;
--         readers: recipient -> hashes, of marketing with a weekly cap;
--         refused: recipient -> why a rule of their country refuses them; refusal: the same in a sentence; remarks (JSON, kept
--         as it is))
--       3 payload (JSON)   4 limits (JSON: what flow_control, breaker and caps ask for)
-- returns  {'lease', JSON: token, attempts, now, eligible_at (ms); where it is not 0, '' or now: key_generation, key_used_before,
--           key_doubtful, first_attempt_at, in_doubt_since (ms), pending, outcomes, cost, correlation, epoch}
--          {'done', record (JSON)}   nothing is left to do: final, or an operator must look at it
--          {'stopped', record (JSON)}   nothing is left to do from now on, and this claim made it so
--          {'busy'}                  another worker has the lease
--          {'wait', record (JSON)}   not now: not due, or backlogged
--          {'held', record (JSON)}   not now, and this claim made it wait
--          {'outdated'}              it was planned for another time than this, and nothing was changed
--          {'rolled_back'}           Redis is older than what this worker has seen of it, and nothing was changed: nothing may be sent
--          {'conflict'}              the id belongs to a message with other content
--          {'superseded'}            its job is of a content that was replaced since
local request, limits = cjson.decode(ARGV[2]), shared(ARGV[4])
local now = clock()

-- What a worker made of the hours and the day, it made of the time it took this to be.
if given(request.planned_at) and math.abs(now - request.planned_at) > request.plan_slack then return {'outdated'} end

-- Older than it was, or not yet looked through since then.
local epoch = known_epoch()
if number(request.epoch) > number(epoch.second_keys) or epoch.reviewing_until then return {'rolled_back'} end

local function look()
  return read_record(ARGV[1], KEYS[1], now, request.keep)
end

local message = look()
if not message.state then
  create_by_job(message, request, ARGV[3])
  message = look()
  message.orphan = true
end
if superseded(message, request) then return {'superseded'} end
-- One whose record was gone when its job came by its id alone has no fingerprint.
if message.fingerprint ~= '' and message.fingerprint ~= request.fingerprint then return {'conflict'} end

message.key_uses, message.attempts = number(message.key_uses), number(message.attempts)
message.in_doubt_since, message.first_attempt_at = number(message.in_doubt_since), number(message.first_attempt_at)
message.segments, message.marketing, message.expires_at = request.segments, request.marketing, request.expires_at
message.eligible_at = eligible_since(message)
if given(request.hold_until) then message.eligible_at = math.max(message.eligible_at, math.min(request.hold_until, now)) end

-- `attempts` and `key_uses` as they were before this submit.
local function lease(token, attempts, key_uses)
  local generation, second_keys, since = number(message.key_generation), number(epoch.second_keys), message.in_doubt_since
  return {'lease', cjson.encode({
    token = token, attempts = attempts + 1, now = now, eligible_at = message.eligible_at,
    key_generation = generation > 0 and generation or nil, key_used_before = key_uses > 0 or nil,
    key_doubtful = number(message.key_doubtful) > 0 or nil,
    first_attempt_at = message.first_attempt_at ~= now and message.first_attempt_at or nil,
    in_doubt_since = since > 0 and since ~= now and since or nil,
    pending = given(message.pending) and message.pending or nil, outcomes = given(message.outcomes) and message.outcomes or nil,
    cost = given(message.cost) and message.cost or nil,
    correlation = given(message.correlation) and message.correlation or nil, epoch = second_keys > 0 and second_keys or nil})}
end

local function stop(to, reason)
  local ends = to == 'unknown' and ask_operator or message.key_uses == 0 and finish or move
  ends(message, to, reason)
  no_wake(message)
  leave_backlog(message)
  no_probe(message, limits)
  return reply('stopped', message)
end

local function hold(at, to, reason)
  redis.call('HSET', message.key, 'segments', request.segments, 'eligible_at', at)
  redis.call('HDEL', message.key, 'woken', 'released')
  move(message, to, reason, at)
  wake_at(message, at)
  no_probe(message, limits)
  return reply('held', message)
end

-- When (ms) this very job was put into its queue; nil when nobody but the job says so. A record that was taken with its job
-- knows; so does one whose job the scheduler has published, which wrote so into both. Nothing else is believed: a place that
-- is stated too late would make the jobs before it look lost.
local function place_in_line()
  local created, published_at, stated = number(message.created), number(message.published_at or message.created), request.published_at
  if given(stated) then return stated >= created and stated <= published_at and stated or nil end
  return not message.by_job and created or nil
end

-- This lane has been served up to where this very job stood in its queue: an older job without its claim has been lost.
-- A mark in the future was made before the clock was set back; a place in the future moves nothing.
local function mark_consumed()
  local place = place_in_line()
  if not place or place > now then return end
  local mark = number(redis.call('HGET', CONSUMED_UNTIL, message.lane))
  if place > mark or mark > now then redis.call('HSET', CONSUMED_UNTIL, message.lane, place) end
end

-- The reply to a claim of a message whose lease another worker has, or had; nil when it is free by now.
local function while_submitting()
  if number(message.lease_until) > now then
    -- The same claim asked twice, because the first reply was lost on the way: the same answer.
    if message.claim_nonce ~= request.claim_nonce then return {'busy'} end
    return lease(number(message.token), message.attempts - 1, message.key_uses - 1)
  end
  local crashes = redis.call('HINCRBY', message.key, 'crashes', 1)
  if crashes >= request.max_crashes then
    return stop('dead', 'stopped: ' .. crashes .. ' workers in a row did not come back from it; may have been sent')
  end
  move(message, 'unknown', 'the worker that had it did not come back')
end

-- Published too early, by a worker whose clock is ahead: it waits again, for the clock that counts.
local function before_its_time(due)
  local outcome = message.state == 'queued' and 'held' or 'wait'
  if message.state == 'queued' then move(message, 'waiting', 'its job came too early', due) end
  redis.call('ZADD', DUE, due, message.id)
  redis.call('HDEL', message.key, 'woken')
  return reply(outcome, message)
end

-- The reply when its time to be sent has passed, or its key may have been forgotten; nil while it may be sent.
local function too_late()
  if message.attempts == 0 and given(request.refuse_before) and number(message.created) > request.refuse_before then
    return stop('rejected', request.past_reason)
  end
  if given(request.expires_at) and request.expires_at <= now then
    if message.key_uses == 0 then return stop('expired', 'expires_at had passed before it could be sent') end
    return stop('unknown', 'expired before its outcome was known; may have been sent, an operator decides')
  end
  if message.key_uses > 0 and now - message.in_doubt_since > request.key_window then
    return stop('unknown', 'Octopush may have forgotten the key by now; may have been sent, an operator decides')
  end
end

-- Marketing to one number that waits here: a STOP of that number finds it.
local function held_for(at)
  if not request.marketing or not given(request.opt_outs) then return end
  local recipient, hashes = next(request.opt_outs)
  if recipient and next(request.opt_outs, recipient) == nil then note_held(message, hashes[1], at) end
end

-- A part as a message of its own. Its id follows from the whole's and the country: it is there once, whoever splits when.
local function create_part(part)
  local child = read_message({id = part.id, key = RECORDS .. part.id, now = now, keep = request.keep}, 'state')
  if child.state then return child end
  create(child, {fingerprint = part.fingerprint, lane = message.lane, job_id = part.id, requeue_after = request.requeue_after,
                 correlation = message.correlation}, part.payload)
  redis.call('HSET', child.key, 'parent', message.id, 'country', part.country)
  -- A campaign holds it back as it would the whole, and counts its people there.
  if message.campaign then redis.call('HSET', child.key, 'campaign', message.campaign, 'people', 0) end
  child.state = 'queued'
  move(child, 'waiting', 'a part: its people are in ' .. part.country, now)
  wake_at(child, now)
  return child
end

-- The reply when its people are in countries that open at different times: from now on each part goes by itself. Never of what
-- may have been sent, to anybody.
local function split()
  if not given(request.parts) or message.key_uses > 0 or message.attempts > 0 or reached(message) then return nil end
  local parts, children, outcomes = {}, {}, decoded(message.outcomes)
  for name, outcome in pairs(given(request.unread) and request.unread or {}) do outcomes[name] = outcome end
  for n, part in ipairs(request.parts) do
    children[n] = create_part(part)
    parts[part.country] = {id = part.id, people = part.people, state = children[n].state}
  end
  redis.call('HSET', message.key, 'parts', cjson.encode(parts), 'outcomes', cjson.encode(outcomes), 'pending', '')
  no_wake(message)
  leave_backlog(message)
  no_probe(message, limits)
  move(message, 'waiting', IN_PARTS)
  -- One that was there before, for the whole was forgotten and asked for again.
  for _, child in ipairs(children) do
    if FINAL[child.state] then
      local further, why = gather(message, child, '')
      for _, each in ipairs(further) do move(message, each, why) end
    end
  end
  return reply('held', message)
end

-- The reply when it must wait for an instant of its own; nil when it need not.
local function too_early()
  if message.key_uses > 0 then return nil end
  local closed_until = given(request.closed_until) and request.closed_until or 0
  -- A message that was held once is due when its record says so: an operator may have moved it since this job was published.
  local fresh = not message.due and message.attempts == 0
  if given(request.hold_until) and fresh and request.hold_until > now + request.slack then
    held_for(request.hold_until)
    return hold(given(request.parts) and request.hold_until or math.max(request.hold_until, closed_until), 'scheduled', 'held until due')
  end
  local answer = split()
  if answer then return answer end
  if closed_until > now + request.slack then
    held_for(closed_until)
    return hold(closed_until, 'scheduled', 'marketing waits for its hours')
  end
end

-- Whom it may not go to, and why: by a rule of their country, or by the list of opt-outs, which binds marketing to anybody who
-- is in it, and any other to who wants nothing at all. Of several people, also who has had their marketing for this week: they
-- shall not hold up the others.
local function unwanted()
  local found, left = {}, {}
  local readers = given(request.readers) and not message.counted and next(request.opt_outs, next(request.opt_outs)) and request.readers or {}
  local pending = given(message.pending) and cjson.decode(message.pending) or nil
  local waits = {}
  for _, each in ipairs(pending or {}) do waits[each] = true end
  for recipient, hashes in pairs(request.opt_outs) do
    if not pending or waits[recipient] then
      local entry, refused = opted_out(hashes), given(request.refused) and request.refused[recipient]
      if entry and (request.marketing or entry.scope == 'all') then
        found[recipient] = 'opted_out'
      elseif refused then
        found[recipient] = refused
      elseif readers[recipient] and over_week(readers[recipient], message, limits.caps.week) then
        found[recipient] = 'capped_week'
      else
        left[#left + 1] = recipient
      end
    end
  end
  return found, left
end

-- The reply when nobody is left whom it may go to; nil when it goes on, to those who are left.
local function leave_out_unwanted()
  if not given(request.opt_outs) or message.key_uses > 0 then return nil end
  if given(request.remarks) then redis.call('HSET', message.key, 'remarks', request.remarks) end
  local found, left = unwanted()
  if not next(found) then return nil end
  local outcomes, reasons = decoded(message.outcomes), {}
  for recipient, why in pairs(found) do
    outcomes[recipient] = {state = 'rejected', reason = why}
    reasons[why] = true
    if given(request.readers) then request.readers[recipient] = nil end
  end
  table.sort(left)
  message.outcomes, message.pending = cjson.encode(outcomes), #left > 0 and cjson.encode(left) or ''
  redis.call('HSET', message.key, 'outcomes', message.outcomes, 'pending', message.pending)
  if #left > 0 then return nil end
  local alone = next(reasons, next(reasons)) == nil and next(reasons)
  return stop('rejected', (alone == 'opted_out' or alone == 'capped_week') and alone or request.refusal or 'opted_out')
end

local HANDED_BACK = 'may have been sent; a worker of its own account asks again'

-- The reply when only a worker of another account may ask for it again; nil when this one may. It waits in the backlog of that
-- account, whose schedulers let it go until one of their workers gets it.
local function handed_back()
  if not of_another(message, limits.account) then return nil end
  local its = {account = message.account}
  no_probe(message, its)
  no_probe(message, limits)
  if not runs(message.account, now, request.absent_after) then
    desert(message, request.key_window)
    return reply('stopped', message)
  end
  local outcome = message.reason == HANDED_BACK and 'wait' or 'held'
  join_backlog(message, of_this_account_alone(backlog_of(message.lane, message.marketing), its), 'unknown', HANDED_BACK)
  -- By then its account may have no worker any more.
  redis.call('ZADD', DUE, now + request.absent_after, message.id)
  return reply(outcome, message)
end

local function backlogged(backlog, reason)
  join_backlog(message, backlog, message.key_uses > 0 and 'unknown' or 'waiting', reason)
  held_for(now)
  no_probe(message, limits)
  return reply('held', message)
end

-- The reply when flow control or a cap holds it back or stops it; nil when it may go. Takes its part of the pace.
local function held_back(flow, caps)
  local own_backlog = backlog_of(message.lane, message.marketing)
  if message.key_uses > 0 then own_backlog = of_this_account_alone(own_backlog, limits) end
  local reason = blocked_by(flow, message)
  if reason then return backlogged(own_backlog, reason) end
  if message.campaign and redis.call('HGET', CAMPAIGNS .. message.campaign, 'paused') then
    return backlogged('campaign:' .. message.campaign, 'its campaign is paused')
  end
  if caps and message.key_uses == 0 then
    local cap, at, never = capped(caps, message)
    if cap and (never or caps.limits.refuse) then return stop('rejected', cap) end
    if cap then return hold(at, 'waiting', cap) end
  end
  if not message.released and not has_room(flow, message) then
    return backlogged(own_backlog, 'waits for its turn (OCTOWORKER_RATE, or Octopush coming back)')
  end
end

local function go(flow, caps)
  went(flow, request.segments)
  -- The probe has its whole lease for the call, however long its job was on the way.
  if flow.breaker == 'open' then redis.call('HSET', of_account(BREAKER, limits), 'probe_until', now + request.lease) end
  if caps then
    count_in(caps, message)
    reserve(caps, message)
  end
  if message.key_uses == 0 and number(message.key_generation) > 0 then epoch.second_keys = next_epoch(now) end
  local token, at, until_then = number(message.token) + 1, string.format('%.0f', now), string.format('%.0f', now + request.lease)
  -- Its age is the age of its trying: days in which it was held, paused or out of hours leave it all its retries.
  if message.attempts == 0 then message.first_attempt_at = now end
  local written = {
    'token', token, 'lease_until', until_then, 'claim_nonce', request.claim_nonce, 'key_uses', message.key_uses + 1,
    'attempts', message.attempts + 1, 'segments', request.segments, 'account', limits.account or '',
    'first_attempt_at', message.attempts == 0 and at or message.first_attempt_at,
    'in_doubt_since', message.in_doubt_since > 0 and message.in_doubt_since or at}
  if given(request.deliver_at) then
    written[#written + 1] = 'deliver_at'
    written[#written + 1] = request.deliver_at
  end
  move(message, 'submitting', '', nil, unpack(written))
  if message.due or message.woken or message.released or message.publish_count then
    redis.call('HDEL', message.key, 'due', 'woken', 'released', 'publish_count')
  end
  redis.call('ZADD', DUE, until_then, message.id)
  return lease(token, message.attempts, message.key_uses)
end

mark_consumed()
if message.attempts == 0 and not message.due and not message.forgotten then note_found(message, request.found_by) end
if message.orphan and request.ours then
  -- Cancelled, sent, or lost with Redis' data: its record has gone, and with it all that could say so.
  redis.call('HSET', message.key, 'in_doubt_since', now)
  return stop('dead', 'its record was gone when its job came; it may have been sent before, so no machine sends it')
end
if FINAL[message.state] or message.needs_review then
  no_probe(message, limits)
  return reply('done', message)
end

if given(message.parts) then
  no_probe(message, limits)
  return reply('wait', message)
end

local due = number(message.due)
if message.state == 'submitting' then
  local answer = while_submitting()
  if answer then return answer end
elseif due > now + request.slack then
  return before_its_time(due)
end

local answer = too_late()
if answer then return answer end

answer = leave_out_unwanted()
if answer then return answer end

-- It is backlogged already: `release` lets it go, not this job. Nor may a late copy of a job hold it beside its backlog.
if message.backlog then
  redis.call('ZADD', BACKLOGS .. message.backlog, 'NX', message.eligible_at, message.id)
  return reply('wait', message)
end

answer = handed_back() or too_early()
if answer then return answer end

-- Whom the weekly cap counts: those of its people who are to get it.
local function readers_left()
  local left = {}
  for _, recipient in ipairs(given(message.pending) and cjson.decode(message.pending) or {}) do
    left[#left + 1] = request.readers[recipient]
  end
  if given(message.pending) then return left end
  for _, hashes in pairs(request.readers) do left[#left + 1] = hashes end
  return left
end

local flow = known_flow_control(limits, now)
if given(request.cap_request) and given(request.readers) then request.cap_request.readers = readers_left() end
local caps = given(request.cap_request)
  and {limits = limits.caps, request = request.cap_request, day = DAYS .. request.day, account = of_account(ACCOUNT, limits)}
  or nil
return held_back(flow, caps) or go(flow, caps)
