-- Take a message, and publish its job in the same step when the broker is here too: nothing can be lost in between.
-- KEYS  1 record (hash)   2 due set (zset)   3 the broker's list of its lane (list; any name without a job)
-- ARGV  1 id   2 job (JSON: fp, lane, job_id, requeue_after ms)   3 payload (JSON, kept as it is)   4 the job as the
--         broker keeps it, or ''
-- returns  'created' | 'same' (already there with this content) | 'conflict' (there with other content)
local job = cjson.decode(ARGV[2])
local fp = redis.call('HGET', KEYS[1], 'fp')
if fp then return fp == job.fp and 'same' or 'conflict' end
create(KEYS[1], ARGV[1], KEYS[2], clock(), job, ARGV[3])
if ARGV[4] ~= '' then redis.call('LPUSH', KEYS[3], ARGV[4]) end
return 'created'
