-- include: message, audit
-- What cancel, reschedule, decide and replay have in common: an operator's change, atomic against the scheduler and claims.

-- The message as the change finds it. `request`: keep (ms), and change_nonce, one for each time that an operator asks; by (see audit).
-- Then, where nothing is to be changed, the reply: there is no such message; or the same change was asked for twice, because
-- the first reply was lost on the way: the same answer then, whatever has come of it since.
local function begin_change(request, ...)
  local message = {id = ARGV[1], key = KEYS[1], now = clock(), keep = request.keep}
  read_message(message, 'state', 'change_nonce', ...)
  message.before = message.state
  if not message.state then return message, {'absent', '[]', ''} end
  if given(request.change_nonce) and message.change_nonce == request.change_nonce then
    return message, reply('done', message, message.before)
  end
  return message, nil
end

local function refuse(message, outcome)
  return reply(outcome, message, message.before)
end

local function changed(message, request, outcome)
  if given(request.change_nonce) then redis.call('HSET', message.key, 'change_nonce', request.change_nonce) end
  note_act_on(message, request.by)
  return reply(outcome or 'done', message, message.before)
end
