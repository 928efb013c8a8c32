-- include: inbox
-- Put an entry of the inbox that cannot be processed where an operator can see it.
-- KEYS  none
-- ARGV  1 entry (id in the stream)   2 reason   3 content
-- returns  'done'
keep_unreadable(ARGV[2], ARGV[3])
processed(ARGV[1])
return 'done'
