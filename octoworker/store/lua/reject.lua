-- Keep a message that cannot be sent as it is, with the reason, unless it got further already.
-- KEYS  1 record (hash)   2 due set (zset)   3 prefix of the state indexes (zsets)   4 prefix of the lines (zsets)
-- ARGV  1 id   2 job (JSON: fp, lane, job_id, keep, requeue_after (ms), reason, error_code)   3 payload (JSON)
-- returns  {'rejected' | 'done' | 'conflict', record (JSON: field, value, ...)}
local record, due_set, index = KEYS[1], KEYS[2], KEYS[3]
local id, job, now = ARGV[1], cjson.decode(ARGV[2]), clock()
if redis.call('EXISTS', record) == 0 then create(record, id, due_set, now, job, ARGV[3]) end
local f = redis.call('HMGET', record, 'state', 'fp', 'uses')
local verdict = 'done'
if f[2] ~= '' and f[2] ~= job.fp then return {'conflict'} end
if (f[1] == 'queued' or f[1] == 'waiting' or f[1] == 'scheduled') and number(f[3]) == 0 then
  verdict = 'rejected'
  redis.call('HSET', record, 'error_code', job.error_code)
  finish(record, id, index, now, f[1], 'rejected', job.reason, job.keep)
  no_wake(record, id, due_set)
  leave(record, id, KEYS[4])
end
return told(verdict, record)
