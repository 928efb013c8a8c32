-- include: base
-- What Octopush calls us with, between the receiver and the worker that processes it.
-- INBOX (stream)       id, kind, content (JSON): one callback each; gone once it has been processed
-- UNREADABLE (stream)  reason, content: what nobody could read or process, for an operator

-- The group of consumers that all workers belong to.
local WORKERS = 'workers'
-- What is unreadable is kept for so long (ms), and so many of it: somebody who knows the address could send it for ever.
local UNREADABLE_FOR, UNREADABLE_MOST = 30 * 86400000, 1000

local function keep_unreadable(reason, content)
  redis.call('XADD', UNREADABLE, 'MAXLEN', '~', UNREADABLE_MOST, '*', 'reason', reason, 'content', content)
  redis.call('XTRIM', UNREADABLE, 'MINID', string.format('%.0f', clock() - UNREADABLE_FOR))
  redis.call('PEXPIRE', UNREADABLE, UNREADABLE_FOR)
end

-- Its entry has been processed, in the same step: it is processed once, whatever dies.
local function processed(entry)
  redis.call('XACK', INBOX, WORKERS, entry)
  redis.call('XDEL', INBOX, entry)
end
