-- include: change, backlog, inbox, opt_outs, recalls, audit
-- A number wants no more: put it into the list, and cancel what waits for it and is marketing, before anything is released. What
-- Octopush holds for later, a worker asks Octopush to cancel.
-- KEYS  none
-- ARGV  1 request (JSON: hashes (the first for the entry), entry (source, ticket, scope; since (ms) where it is known),
--         keep (ms), inbox (id of the entry that said so, or ''), event_id (of what said so, or ''), number (that the event
--         carries, or ''); by: an operator's (see audit))
-- returns  {ids that were cancelled (JSON), ids of which Octopush is asked (JSON)}
local request, now = cjson.decode(ARGV[1]), clock()
opt_out(request.hashes, request.entry, now)
note_act(request.by, '', now)

local cancelled, recalled = {}, {}
for _, hash in ipairs(request.hashes) do
  for _, id in ipairs(redis.call('ZRANGE', HELD .. hash, 0, -1)) do
    local message = {id = id, key = RECORDS .. id, now = now, keep = request.keep}
    read_message(message, 'state', 'key_uses', 'held_as')
    -- One that is on its way already is too late to stop; it is no longer held.
    if message.state and message.held_as == hash and PENDING[message.state] and number(message.key_uses) == 0 and not reached(message) then
      move(message, 'cancelled', 'opted_out')
      give_back(message)
      no_wake(message)
      leave_backlog(message)
      cancelled[#cancelled + 1] = id
    elseif recall_opted_out(read_recall(message)) then
      recalled[#recalled + 1] = id
    end
  end
  redis.call('DEL', HELD .. hash)
end
if request.event_id ~= '' and somebody_listens() then
  emit('evt_' .. request.event_id, 'sms.optout', now, {source = request.entry.source, scope = request.entry.scope,
    number = given(request.number) and request.number or nil})
end
if request.inbox ~= '' then processed(request.inbox) end
return {#cancelled > 0 and cjson.encode(cancelled) or '[]', #recalled > 0 and cjson.encode(recalled) or '[]'}
