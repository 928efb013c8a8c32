-- include: change
-- Move a message that is held here to another instant.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 request (JSON: keep, due, grace, max_ahead (ms), payload, change_nonce)
-- returns  {'done' | 'refused' | 'past' | 'far' | 'absent', record (JSON: field, value, ...), state before}
--          refused: it is not held here   past, far: that instant passed more than `grace` ago, or is further ahead than
--          max_ahead
local request = cjson.decode(ARGV[2])
local message, answer = begin_change(request, 'attempts', 'due')
if answer then return answer end
if request.due < message.now - request.grace then return refuse(message, 'past') end
if request.due - message.now > request.max_ahead then return refuse(message, 'far') end
-- Its hour is just coming, and its job is in the queue: it was held until now.
local just_due = message.state == 'queued' and number(message.attempts) == 0 and given(message.due)
if message.state ~= 'scheduled' and not just_due then return refuse(message, 'refused') end
local due = math.max(request.due, message.now)
redis.call('HSET', message.key, 'payload', request.payload, 'eligible_at', due)
redis.call('HDEL', message.key, 'woken')
move(message, 'scheduled', 'moved by an operator', due)
wake_at(message, due)
return changed(message, request)
