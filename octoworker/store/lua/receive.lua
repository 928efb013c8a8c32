-- include: inbox, opt_outs
-- Store what a call of Octopush's brought, all of it or nothing: the call is answered once this has returned.
-- KEYS  none
-- ARGV  1 what came (JSON list of {id, kind, content}, or {reason, content} of what is unreadable; a STOP has opt_out as well:
--         hashes, and its entry for the list, which holds from now on)
-- returns  how many are to be processed
local stored = 0
for _, each in ipairs(cjson.decode(ARGV[1])) do
  if each.reason then
    keep_unreadable(each.reason, each.content)
  else
    if each.opt_out then opt_out(each.opt_out.hashes, each.opt_out.entry, clock()) end
    redis.call('XADD', INBOX, '*', 'id', each.id, 'kind', each.kind, 'content', each.content)
    stored = stored + 1
  end
end
return stored
