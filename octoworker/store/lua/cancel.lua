-- include: change, backlog, recalls
-- Stop a message of which nothing has gone, or have a worker take back what Octopush holds for later.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 request (JSON: keep (ms), change_nonce)
-- returns  {'done' | 'requested' | 'refused' | 'late' | 'in_doubt' | 'absent', record (JSON: field, value, ...), state before}
--          requested: a worker asks Octopush (see recalls)   refused: it is over, or may have been sent
--          late: Octopush holds it, and takes nothing back so shortly before   in_doubt: Octopush may have cancelled it
local request = cjson.decode(ARGV[2])
local message, answer = begin_change(request, 'key_uses', 'parts')
if answer then return answer end

-- What came of it: 'done' when nothing of the message had gone, 'requested' when Octopush is asked, or why not.
local function stop(one)
  if one.state == 'accepted' then return recall(read_recall(one)) end
  if not PENDING[one.state] or number(one.key_uses) > 0 or reached(one) then return 'refused' end
  move(one, 'cancelled', 'cancelled by an operator')
  give_back(one)
  no_wake(one)
  leave_backlog(one)
  return 'done'
end

-- What came of it for all parts together. The whole ends with the last of them.
local function stop_parts()
  local found = {}
  for _, part in pairs(cjson.decode(message.parts)) do
    local child = read_message({id = part.id, key = RECORDS .. part.id, now = message.now, keep = request.keep}, 'state', 'key_uses')
    if child.state then found[stop(child)] = true end
  end
  return found.done and 'done' or found.requested and 'requested' or 'refused'
end

local outcome
if given(message.parts) then outcome = stop_parts() else outcome = stop(message) end
if outcome ~= 'done' and outcome ~= 'requested' then return refuse(message, outcome) end
return changed(message, request, outcome)
