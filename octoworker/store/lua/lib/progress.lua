-- include: base
-- The progress of a campaign: how many people stand in each state, and why those failed who did. Changed with each record, in
-- one step, so that everybody is counted exactly once, also in a message to hundreds of whom some were refused.
-- CAMPAIGNS .. ID:counts (hash)    state -> people
-- CAMPAIGNS .. ID:reasons (hash)   the provider's code, or else the reason -> people
-- In the record: `tallied` (JSON: states, reasons, as above), what its people are counted as, where that is not all of them
-- under its state and for no reason.

-- Ends that an operator may ask about, counted by their reasons.
local FAILED = {rejected = true, dead = true, expired = true, undelivered = true}
-- A recipient in one of these has a state of their own, whatever the message does next.
local OF_THEIR_OWN = {accepted = true, delivered = true, undelivered = true, rejected = true, dead = true}
-- Reasons told apart. The others are counted together.
local REASONS = 100
local OTHERS = 'other reasons'

-- Not a field for each instant that a reason may name.
local function without_instants(reason)
  return (string.gsub(reason, '%d%d%d%d%-%d%d%-%d%dT[%d:.]+[Z%d:+-]*', '...'))
end

local function reason_of(code, reason)
  return given(code) and code or without_instants(given(reason) and reason or 'no reason given')
end

local function add(counts, name, people)
  counts[name] = (counts[name] or 0) + people
end

-- What became of each recipient by answers and by receipts, which say more: two fields, so that none overwrites the other.
local function results_of(record)
  local found = given(record.outcomes) and cjson.decode(record.outcomes) or {}
  for recipient, receipt in pairs(given(record.receipts) and cjson.decode(record.receipts) or {}) do
    if receipt.state == 'delivered' or receipt.state == 'undelivered' then
      found[recipient] = {state = receipt.state, reason = given(receipt.reason) and receipt.reason or receipt.word}
    end
  end
  return found
end

-- What the people of a message are to be counted as. `record`: people, outcomes, receipts, error_code, reason.
local function counted_as(record, state, reason)
  local left, found = number(record.people), {states = {}, reasons = {}}
  for _, outcome in pairs(left > 1 and results_of(record) or {}) do
    if left > 0 and OF_THEIR_OWN[outcome.state] then
      left = left - 1
      add(found.states, outcome.state, 1)
      if FAILED[outcome.state] then add(found.reasons, reason_of(outcome.error_code, outcome.reason), 1) end
    end
  end
  if left > 0 then
    add(found.states, state, left)
    if FAILED[state] then add(found.reasons, reason_of(record.error_code, given(reason) and reason or record.reason), left) end
  end
  return found
end

local function count_up(key, before, after)
  for name, people in pairs(before) do after[name] = (after[name] or 0) - people end
  for name, people in pairs(after) do
    if people ~= 0 and redis.call('HINCRBY', key, name, people) <= 0 then redis.call('HDEL', key, name) end
  end
end

-- No more reasons than can be read.
local function bounded(campaign, reasons)
  local key, found = CAMPAIGNS .. campaign .. ':reasons', {}
  for reason, people in pairs(reasons) do
    local known = redis.call('HEXISTS', key, reason) == 1 or redis.call('HLEN', key) < REASONS
    add(found, known and reason or OTHERS, people)
  end
  return found
end

-- Count the people of a message anew. `from`: its state before; nil: it is new.
local function tally(message, from, to, reason)
  local record = fill({}, message.key, 'campaign', 'people', 'tallied', 'outcomes', 'receipts', 'error_code',
                      'reason')
  if not record.campaign then return end
  local root = CAMPAIGNS .. record.campaign
  local before = given(record.tallied) and cjson.decode(record.tallied)
    or {states = from and {[from] = number(record.people)} or {}, reasons = {}}
  local after = counted_as(record, to, reason)
  after.reasons = bounded(record.campaign, after.reasons)
  if next(after.reasons) or after.states[to] ~= number(record.people) then
    redis.call('HSET', message.key, 'tallied', cjson.encode(after))
  elseif record.tallied then
    redis.call('HDEL', message.key, 'tallied')
  end
  count_up(root .. ':counts', before.states, after.states)
  count_up(root .. ':reasons', before.reasons, after.reasons)
end
