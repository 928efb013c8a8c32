-- include: change, backlog, recalls
-- Stop a message of which nothing has gone, or have a worker take back what Octopush holds for later.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 request (JSON: keep (ms), change_nonce)
-- returns  {'done' | 'requested' | 'refused' | 'late' | 'in_doubt' | 'absent', record (JSON: field, value, ...), state before}
--          requested: a worker asks Octopush (see recalls)   refused: it is over, or may have been sent
--          late: Octopush holds it, and takes nothing back so shortly before   in_doubt: Octopush may have cancelled it
local request = cjson.decode(ARGV[2])
local message, answer = begin_change(request, 'key_uses')
if answer then return answer end
if message.state == 'accepted' then
  local outcome = recall(read_recall(message))
  return outcome == 'requested' and changed(message, request, 'requested') or refuse(message, outcome)
end
if not PENDING[message.state] or number(message.key_uses) > 0 or reached(message) then return refuse(message, 'refused') end
move(message, 'cancelled', 'cancelled by an operator')
give_back(message)
no_wake(message)
leave_backlog(message)
return changed(message, request)
