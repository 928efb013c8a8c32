-- include: message, backlog, found
-- Keep a message that cannot be sent as it is, with the reason, unless it got further already.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 request (JSON: fingerprint, lane, job_id, keep, requeue_after (ms), reason, error_code; correlation where
--         there is one; ours, incarnation, found_by: as in claim)   3 payload (JSON)
-- returns  {'rejected' | 'done' | 'conflict' | 'superseded', record (JSON: field, value, ...)}; the last two have no record
--          done: it got further, or was rejected before
local request = cjson.decode(ARGV[2])
local message = {id = ARGV[1], key = KEYS[1], now = clock(), keep = request.keep}
if redis.call('EXISTS', message.key) == 0 then create_by_job(message, request, ARGV[3]) end
read_message(message, 'state', 'fingerprint', 'key_uses', 'incarnation', 'parts')
if superseded(message, request) then return {'superseded'} end
if message.fingerprint ~= '' and message.fingerprint ~= request.fingerprint then return {'conflict'} end
if not PENDING[message.state] or number(message.key_uses) > 0 or given(message.parts) then return reply('done', message) end
redis.call('HSET', message.key, 'error_code', request.error_code)
note_found(message, request.found_by)
finish(message, 'rejected', request.reason)
no_wake(message)
leave_backlog(message)
return reply('rejected', message)
