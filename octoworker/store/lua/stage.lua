-- include: wakeups, accounts, broken_records
-- Stage one slice of what is due, or will be until the look-ahead ends: each goes to its queue, by one scheduler only.
-- KEYS  none: the due set names the records
-- ARGV  1 request (JSON: slice (count), look_ahead, requeue_after, keep (ms), account)
-- returns  {looked_at, wakeups (JSON: see wakeups)}
--          looked_at: a full slice means that there may be more
local request, now = cjson.decode(ARGV[1]), clock()
local found = redis.call('ZRANGEBYSCORE', DUE, '-inf', now + request.look_ahead, 'WITHSCORES', 'LIMIT', 0, request.slice)
local looked_at = #found / 2

local function look_at(id, due_at)
  local message = {id = id, key = RECORDS .. id, now = now, keep = request.keep}
  read_message(message, 'state', 'due', 'backlog', 'woken', 'needs_review')
  if waits_for_its_time(message) then
    if message.state ~= 'unknown' then move(message, 'queued', 'due') end
    wake(message, 'due', number(message.due) - now, 0, request.requeue_after)
  elseif tonumber(due_at) > now then
    -- For `rescue`, and not yet. It counts for nothing: a slice full of these would be followed by the same at once, again
    -- and again.
    looked_at = looked_at - 1
  end
end

adopt(request.account, request.slice, request.requeue_after, request.keep, now)
for n = 1, #found, 2 do with_record(found[n], look_at, found[n], found[n + 1]) end
return {looked_at, as_json(wakeups)}
