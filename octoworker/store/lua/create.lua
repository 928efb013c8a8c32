-- include: message
-- Take a message, and publish its job in the same step when the broker is here too: nothing can be lost in between.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 request (JSON: fingerprint, wording (see message), lane, job_id, requeue_after (ms), secret (bool: as in message); correlation where there is
--         one)
--       3 payload (JSON, kept as it is)   4 the job as the broker keeps it, or ''
--       5 the broker's list (not among KEYS: a producer may write it and not read it)
-- returns  'created' | 'same' (already there with this content) | 'conflict' (there with other content)
--          'cancelled' | 'expired' | 'rejected' | 'dead' (already there with this content, and over)
local request = cjson.decode(ARGV[2])
local known = known_as(KEYS[1], request)
if known then return known end
create({id = ARGV[1], key = KEYS[1], now = clock()}, request, ARGV[3])
if ARGV[4] ~= '' then redis.call('LPUSH', ARGV[5], ARGV[4]) end
return 'created'
