-- Take a message before its job is published, so that it cannot be lost in between.
-- KEYS  1 record (hash)   2 due set (zset)
-- ARGV  1 id   2 job (JSON: fp, lane, job_id, requeue_after ms)   3 payload (JSON, kept as it is)
-- returns  'created' | 'same' (already there with this content) | 'conflict' (there with other content)
local job = cjson.decode(ARGV[2])
local fp = redis.call('HGET', KEYS[1], 'fp')
if fp then return fp == job.fp and 'same' or 'conflict' end
create(KEYS[1], ARGV[1], KEYS[2], clock(), job, ARGV[3])
return 'created'
