-- include: message
-- A campaign whose first receipts are bad pauses itself, before the rest of it is paid for.
-- CAMPAIGNS .. ID (hash)   final_receipts, failed_receipts: people of the first JUDGED who have their last word; judged: it was
--                          paused so once, or they have all been counted; paused_because (a sentence)

local JUDGED = 200

local FAILED_RECEIPT = {undelivered = true, delivered = false}

-- Count the receipt of one recipient, who had `before` (or nil). Whether this paused the campaign. `pause_at`: percent; 0: never.
local function judge_campaign(message, before, said, pause_at)
  local failed, failed_before = FAILED_RECEIPT[said.state], before and FAILED_RECEIPT[before.state]
  if not given(message.campaign) or failed == nil or pause_at == 0 then return false end
  local root = CAMPAIGNS .. message.campaign
  local campaign = fill({}, root, 'name', 'judged', 'paused', 'cancelled')
  if not campaign.name or campaign.judged then return false end
  local count = redis.call('HINCRBY', root, 'final_receipts', failed_before == nil and 1 or 0)
  local bad = redis.call('HINCRBY', root, 'failed_receipts', (failed and 1 or 0) - (failed_before and 1 or 0))
  local stops = bad * 100 >= pause_at * JUDGED
  if stops or count >= JUDGED then redis.call('HSET', root, 'judged', 1) end
  if not stops or campaign.paused or campaign.cancelled then return false end
  local left = redis.call('PTTL', root)
  redis.call('HSET', root, 'paused', 1, 'paused_because', bad .. ' of its first ' .. count .. ' people with a last word on '
             .. 'delivery did not get it')
  if left > 0 then redis.call('HSET', root, 'left', math.floor(left / 1000)) end
  for _, part in ipairs(PARTS_OF_CAMPAIGN) do redis.call('PERSIST', root .. part) end
  return true
end
