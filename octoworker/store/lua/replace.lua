-- include: message, backlog, recalls
-- Take a message, or put this one in place of the message that its key has, where nothing of that has gone: text, time and all
-- else are replaced under the same id and the next key, and its jobs before this one are ignored. One that was cancelled,
-- expired, was rejected or is dead comes back.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 request (JSON: as in create; keep (ms), and incarnation, a word drawn for this call alone)
--       3 payload (JSON, kept as it is)   4 the job as the broker keeps it, or ''
--       5 the broker's list (not among KEYS: a producer may write it and not read it)
-- returns  {'created' | 'same' | 'replaced' | 'gone', state before}
--          same: it is there already, just so   gone: it was handed over, or may have been, and nothing is changed
local request = cjson.decode(ARGV[2])
local message = {id = ARGV[1], key = KEYS[1], now = clock(), keep = request.keep}
read_message(message, 'state', 'payload', 'key_uses', 'in_doubt_since', 'incarnation', 'parts')
local before = message.state or 'queued'

local function publish()
  redis.call('HSET', message.key, 'incarnation', request.incarnation)
  if ARGV[4] ~= '' then redis.call('LPUSH', ARGV[5], ARGV[4]) end
end

-- Whether its handset may have got it, or may yet.
local function gone()
  if given(message.parts) then return true end
  if UNSENT[before] then return given(message.in_doubt_since) or reached(message) end
  return not PENDING[before] or number(message.key_uses) > 0 or reached(message)
end

local function replace()
  local now = message.now
  local generation = redis.call('HINCRBY', message.key, 'key_generation', 1)
  fix_beginning(message)
  redis.call('HSET', message.key, 'payload', ARGV[3], 'fingerprint', request.fingerprint, 'wording', request.wording,
             'lane', request.lane, 'job_id', request.job_id, 'created', now, 'published_at', now, 'eligible_at', now,
             'key_uses', 0, 'attempts', 0, 'publish_count', 0, 'receipts_from', generation,
             'correlation', given(request.correlation) and request.correlation or '')
  release_reserve(message)
  give_back(message)
  leave_backlog(message)
  leave_recalls(read_message(message, 'account'))
  -- What a replay leaves behind, and what was planned for the content that it had.
  redis.call('HDEL', message.key, 'due', 'in_doubt_since', 'key_doubtful', 'needs_review', 'crashes', 'error_code', 'ticket',
             'outcomes', 'receipts', 'pending', 'released', 'counted', 'woken', 'proved', 'account', 'deserted',
             'held_as', 'expires_at', 'deliver_at', 'segments', 'by_job', 'forgotten', 'remarks', 'recall_until',
             'no_recall', 'shortened', unpack(OF_A_RECALL))
  move(message, 'queued', UNSENT[before] and 'taken again by its caller' or 'replaced by its caller')
  redis.call('ZADD', DUE, now + request.requeue_after, message.id)
end

if not message.state then
  create(message, request, ARGV[3])
  publish()
  return {'created', before}
end
if message.payload == ARGV[3] and not UNSENT[before] then return {'same', before} end
if gone() then return {'gone', before} end
replace()
publish()
return {'replaced', before}
