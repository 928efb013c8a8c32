-- include: change, recalls
-- Move a message that is held here to another instant; or have a worker take back what Octopush holds, to hand it over again.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 request (JSON: keep, due, grace, max_ahead (ms), payload, change_nonce; incarnation: see replace, of the
--         content that payload is made from, '' where it has none)
-- returns  {'done' | 'requested' | 'refused' | 'late' | 'in_doubt' | 'cancelling' | 'past' | 'far' | 'replaced' | 'absent',
--           record (JSON: field, value, ...), state before}
--          requested: a worker asks Octopush (see recalls)   refused: it is not held here   late, in_doubt: as of cancel
--          cancelling: it is being cancelled   past, far: that instant passed more than `grace` ago, or is further ahead than
--          max_ahead   replaced: it has another content by now
local request = cjson.decode(ARGV[2])
local message, answer = begin_change(request, 'attempts', 'due', 'incarnation')
if answer then return answer end
if request.due < message.now - request.grace then return refuse(message, 'past') end
if request.due - message.now > request.max_ahead then return refuse(message, 'far') end
if message.state == 'accepted' then
  local outcome = recall(read_recall(message), math.max(request.due, message.now))
  return outcome == 'requested' and changed(message, request, 'requested') or refuse(message, outcome)
end
-- Its hour is just coming, and its job is in the queue: it was held until now.
local just_due = message.state == 'queued' and number(message.attempts) == 0 and given(message.due)
if message.state ~= 'scheduled' and not just_due then return refuse(message, 'refused') end
-- What was read of it is another's by now: a caller has replaced it meanwhile, and its text must not come back.
local mine = given(request.incarnation) and request.incarnation or ''
if mine ~= (given(message.incarnation) and message.incarnation or '') then return refuse(message, 'replaced') end
local due = math.max(request.due, message.now)
redis.call('HSET', message.key, 'payload', request.payload, 'eligible_at', due)
redis.call('HDEL', message.key, 'woken')
move(message, 'scheduled', 'moved by an operator', due)
wake_at(message, due)
return changed(message, request)
