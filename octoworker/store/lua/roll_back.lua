-- include: message, backlog, broken_records
-- Redis went back to an older state, and a worker that knows of more second keys says so, or an operator does: leave to an
-- operator, slice by slice, all that may have moved in the stretch that was lost. No claim is given meanwhile.
-- KEYS  none: the due set names the records
-- ARGV  1 request (JSON: epoch (second keys that its caller knows of), force (bool: an operator says so), count_only (bool: change
--         nothing), slice (count), cursor ('0': the beginning), keep (ms))
-- returns  {'calm'}                                 nothing was lost, as far as anybody knows
--          {'more' | 'done', cursor, to_review (of this slice), noticed (1: this very call found it)}
local request, now = cjson.decode(ARGV[1]), clock()
local epoch = fill({}, EPOCH, 'second_keys', 'at', 'reviewing_until')
local to_review, noticed = 0, 0

local REASON = 'Redis went back to an older state; it may have been sent since, an operator decides'

local function begin()
  noticed = 1
  redis.call('HSET', EPOCH, 'second_keys', math.max(request.epoch, number(epoch.second_keys)),
             'reviewing_until', string.format('%.0f', now), 'noticed', string.format('%.0f', now),
             'lost_from', epoch.at or 0, 'to_review', 0)
  epoch.reviewing_until = now
end

-- What is held for later has not moved, and what was taken since is as it was taken.
local function may_have_moved(message)
  if not message.state or FINAL[message.state] or message.needs_review then return false end
  return number(message.due) <= now and number(message.created) <= number(epoch.reviewing_until)
end

local function leave_to_operator(id)
  local message = {id = id, key = RECORDS .. id, now = now, keep = request.keep}
  read_message(message, 'state', 'due', 'created', 'needs_review')
  if not may_have_moved(message) then return end
  to_review = to_review + 1
  if request.count_only then return end
  ask_operator(message, 'unknown', REASON)
  redis.call('ZADD', STATES .. 'rolled-back', now, id)
  no_wake(message)
  leave_backlog(message)
end

if request.count_only then
  epoch.reviewing_until = now
elseif request.epoch > number(epoch.second_keys) or (request.force and request.cursor == '0') then
  begin()
elseif not epoch.reviewing_until then
  return {'calm'}
end

local cursor, found = unpack(redis.call('ZSCAN', DUE, request.cursor, 'COUNT', request.slice))
for n = 1, #found, 2 do with_record(found[n], leave_to_operator, found[n]) end
if to_review > 0 and not request.count_only then redis.call('HINCRBY', EPOCH, 'to_review', to_review) end
if cursor ~= '0' then return {'more', cursor, to_review, noticed} end
if not request.count_only then redis.call('HDEL', EPOCH, 'reviewing_until') end
return {'done', cursor, to_review, noticed}
