-- include: message, found
-- Take a person out of one record that has ended. What is still on its way keeps its number: it could not be sent without.
-- KEYS  1 record (hash)
-- ARGV  1 payload as it was read   2 outcomes as they were read, or ''   3 payload from now on   4 outcomes from now on (JSON)
--       5 time to live (ms) of a record that has none   6 what it is found by no more (JSON: see found)
-- returns  'done' | 'moving' (not ended, nothing was changed) | 'changed' (it is not as it was read: read it again) | 'absent'
local payload_read, outcomes_read, payload, outcomes, keep, found_by = unpack(ARGV)
local message = read_message({id = string.sub(KEYS[1], #RECORDS + 1), key = KEYS[1]}, 'state', 'payload', 'outcomes', 'receipts', 'replies')
if not message.state then return 'absent' end
if not FINAL[message.state] then return 'moving' end
if message.payload ~= payload_read or (message.outcomes or '') ~= outcomes_read then return 'changed' end
redis.call('HSET', message.key, 'payload', payload, 'outcomes', outcomes, 'forgotten', clock())
if message.receipts then
  local left, receipts = decoded(outcomes), decoded(message.receipts)
  for number in pairs(receipts) do
    if not left[number] then receipts[number] = nil end
  end
  redis.call('HSET', message.key, 'receipts', cjson.encode(receipts))
end
if message.replies then
  local left, replies = decoded(outcomes), {}
  for _, each in ipairs(cjson.decode(message.replies)) do
    if left[each.number] then replies[#replies + 1] = each end
  end
  redis.call('HSET', message.key, 'replies', #replies > 0 and cjson.encode(replies) or '')
end
redis.call('HDEL', message.key, 'pending', 'counted')
lose(message, cjson.decode(found_by))
if redis.call('PTTL', message.key) < 0 then redis.call('PEXPIRE', message.key, keep) end
return 'done'
