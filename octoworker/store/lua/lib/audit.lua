-- include: base
-- Who did what by hand. `by`: act, who, where, keep (ms); nothing of what machines do.
-- AUDIT (stream)  act, who, where, what: an id, or a word

local function note_act(by, what, now)
  if not given(by) then return end
  redis.call('XADD', AUDIT, 'MINID', '~', string.format('%.0f', math.max(0, now - by.keep)), '*',
             'act', by.act, 'who', by.who, 'where', by.where, 'what', what)
  redis.call('PEXPIRE', AUDIT, string.format('%.0f', by.keep))
end

-- Characters of the lines of one message; the latest stay.
local STORY = 4000

-- The same, and a line in the story of a message.
local function note_act_on(message, by)
  if not given(by) then return end
  local lines = redis.call('HGET', message.key, 'acts') or ''
  lines = lines .. string.format('%.0f', message.now) .. '|' .. by.act .. '|' .. by.who .. '|' .. by.where .. '\n'
  while #lines > STORY do lines = string.sub(lines, string.find(lines, '\n', 1, true) + 1) end
  redis.call('HSET', message.key, 'acts', lines)
  note_act(by, message.id, message.now)
end
