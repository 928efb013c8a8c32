-- include: change, backlog, recalls
-- Put a message that is over, or waits for an operator, back in its queue under the next key.
-- KEYS  1 record (hash)
-- ARGV  1 id   2 request (JSON: keep, requeue_after (ms), force (bool), change_nonce)
-- returns  {'done' | 'refused' | 'force' | 'forgotten' | 'parts' | 'absent', record (JSON: field, value, ...), state before}
--          refused: it is on its way, or was delivered, or Octopush is asked to cancel it   force: it may have been sent; only with force
--          parts: it went out in parts, each of which is replayed by itself
--          forgotten: nothing is left that could be sent
local request = cjson.decode(ARGV[2])
local message, answer = begin_change(request, 'needs_review', 'in_doubt_since', 'forgotten', 'text_gone', 'parts', 'shortened')
if answer then return answer end
local state = message.state
if given(message.parts) then return refuse(message, 'parts') end
if given(message.forgotten) or given(message.text_gone) or given(message.shortened) then return refuse(message, 'forgotten') end
local moving = PENDING[state] or state == 'submitting' or (state == 'unknown' and not message.needs_review)
read_recall(message)
if moving or state == 'delivered' or RECALLED_BY_MACHINE[message.recall] then return refuse(message, 'refused') end
local maybe_sent = state == 'unknown' or state == 'accepted' or state == 'undelivered' or given(message.in_doubt_since)
  or reached(message)
if maybe_sent and not request.force then return refuse(message, 'force') end
local generation = redis.call('HINCRBY', message.key, 'key_generation', 1)
redis.call('HSET', message.key, 'key_uses', 0, 'attempts', 0, 'publish_count', 0, 'published_at', message.now,
           'eligible_at', message.now, 'receipts_from', generation)
redis.call('HDEL', message.key, 'due', 'in_doubt_since', 'key_doubtful', 'needs_review', 'crashes', 'error_code', 'ticket',
           'outcomes', 'receipts', 'pending', 'released', 'counted', 'woken', 'proved', 'account', 'deserted', 'remarks',
           'deliver_at', 'recall_until', 'no_recall', unpack(OF_A_RECALL))
leave_recalls(message)
leave_backlog(message)
confirm(message)
looked_at(message)
release_reserve(message)
move(message, 'queued', maybe_sent and 'replayed by an operator, although it may have been sent' or 'replayed by an operator')
redis.call('ZADD', DUE, message.now + request.requeue_after, message.id)
return changed(message, request)
