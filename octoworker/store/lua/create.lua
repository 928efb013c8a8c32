-- Take a message, and publish its job in the same step when the broker is here too: nothing can be lost in between.
-- KEYS  1 record (hash)   2 due set (zset)
-- ARGV  1 id   2 job (JSON: fp, lane, job_id, requeue_after ms, correlation (or absent))   3 payload (JSON, kept as it is)   4 the job as the
--         broker keeps it, or ''   5 the broker's list (not among KEYS: a producer may write it and not read it)
-- returns  'created' | 'same' (already there with this content) | 'conflict' (there with other content)
local job = cjson.decode(ARGV[2])
local fp = redis.call('HGET', KEYS[1], 'fp')
if fp then return fp == job.fp and 'same' or 'conflict' end
create(KEYS[1], ARGV[1], KEYS[2], clock(), job, ARGV[3])
if ARGV[4] ~= '' then redis.call('LPUSH', ARGV[5], ARGV[4]) end
return 'created'
