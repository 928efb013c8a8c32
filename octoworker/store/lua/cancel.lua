-- include: change, backlog
-- Stop a message of which nothing has gone.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 request (JSON: keep (ms), change_nonce)
-- returns  {'done' | 'refused' | 'absent', record (JSON: field, value, ...), state before}
--          refused: it is over, or may have been sent
local request = cjson.decode(ARGV[2])
local message, answer = begin_change(request, 'key_uses')
if answer then return answer end
if not PENDING[message.state] or number(message.key_uses) > 0 or reached(message) then return refuse(message, 'refused') end
move(message, 'cancelled', 'cancelled by an operator')
give_back(message)
no_wake(message)
leave_backlog(message)
return changed(message, request)
