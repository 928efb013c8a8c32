-- include: recipients, backlog, inbox, recalls, campaign_stop
-- A later word on delivery: a stronger fact than anything we concluded ourselves. It is matched by its ticket and its number,
-- and by nothing else.
-- KEYS  none: the ticket names the record
-- ARGV  1 receipt (JSON: entry (id in the inbox, or ''), ticket, number (E.164), state (nothing | underway | undelivered |
--         delivered), word, at (the operator's time, as text), reason, keep, early_for (ms), kept (JSON, to be put back),
--         pause_at (percent of a campaign's first people that may fail; 0: any))
-- returns  {'moved' | 'noted' | 'same' | 'early' | 'unmatched', record (JSON: field, value, ...) and id of the first two,
--          and 1 when this paused the campaign}
--          moved: the message moved   noted: it says something new of its recipient   same: nothing new
--          early: no message has this ticket yet   unmatched: none will; or it has no such recipient, or has forgotten them
local receipt = cjson.decode(ARGV[1])
local recipient, paused_campaign = receipt.number, false

local function ended(outcome, message)
  if receipt.entry ~= '' then processed(receipt.entry) end
  if not message then return {outcome, '', '', ''} end
  return reply(outcome, message, message.id, paused_campaign and '1' or '')
end

-- Messages that may have been sent and have no ticket, latest first: so many are looked at, of the last 48 hours.
local WITHOUT_TICKET, RECENT = {'unconfirmed', 'unknown'}, 48 * 3600000
local MOST_HINTS = 100

-- No message has this ticket. One without any may be the one that is meant: an operator is shown that, and nothing moves.
local function leave_hint()
  local now = clock()
  local hint = cjson.encode({word = receipt.word, at = receipt.at, ticket = receipt.ticket, arrived = now})
  for _, index in ipairs(WITHOUT_TICKET) do
    local ids = redis.call('ZRANGE', STATES .. index, '+inf', now - RECENT, 'BYSCORE', 'REV', 'LIMIT', 0, MOST_HINTS)
    for _, id in ipairs(ids) do
      local message = read_message({id = id, key = RECORDS .. id}, 'state', 'ticket', 'outcomes', 'payload', 'forgotten')
      local open = message.state and not given(message.ticket) and not given(message.forgotten)
      if open and is_recipient(message, recipient) then redis.call('HSET', message.key, 'hint', hint) end
    end
  end
end

local function keep_for_later()
  local place = EARLY .. receipt.ticket
  -- More than one call can bring about are nobody's receipts.
  if redis.call('LLEN', place) < 2000 then redis.call('RPUSH', place, receipt.kept) end
  redis.call('PEXPIRE', place, receipt.early_for)
  return ended('early')
end

local function may_have_been_sent(message)
  local state = message.state
  return state == 'accepted' or state == 'undelivered' or state == 'unknown'
    or (state == 'dead' and given(message.in_doubt_since))
end

-- The call in doubt was for others than this recipient: of theirs this says nothing, and they must be asked for again.
local function doubt_remains(message)
  if message.state ~= 'unknown' or not given(message.pending) then return false end
  for _, each in ipairs(cjson.decode(message.pending)) do
    if each == recipient then return false end
  end
  return true
end

if receipt.ticket == '' then return ended('unmatched') end
local id, generation, known = owner_of(receipt.ticket)
if not known then
  leave_hint()
  return keep_for_later()
end
if not id then return ended('unmatched') end

local message = {id = id, key = RECORDS .. id, now = clock(), keep = receipt.keep}
read_message(message, 'state', 'outcomes', 'receipts', 'in_doubt_since', 'payload', 'forgotten', 'pending', 'receipts_from',
             'campaign')
if not message.state then return ended('unmatched') end
-- It belongs to a call from before a replay.
if generation < number(message.receipts_from) then return ended('unmatched') end
if not is_recipient(message, recipient) then
  -- Of one that is still on its way the recipients may be written in another form; the outcome brings theirs.
  if FINAL[message.state] or given(message.forgotten) then return ended('unmatched') end
  return keep_for_later()
end
-- Of somebody who was forgotten nothing is written down again.
local receipts = decoded(message.receipts)
local said = {state = receipt.state, word = receipt.word, at = receipt.at, reason = receipt.reason}
if not says_more(said, receipts[recipient]) then return ended('same') end
paused_campaign = judge_campaign(message, receipts[recipient], said, number(receipt.pause_at))
receipts[recipient] = said
redis.call('HSET', message.key, 'receipts', cjson.encode(receipts))
tally(message, message.state, message.state, '')
if not may_have_been_sent(message) or doubt_remains(message) then return ended('noted', message) end

local to, reason = concluded(message)
-- Its reason is the word that says most, whichever came first.
if to == 'undelivered' and message.state == to then redis.call('HSET', message.key, 'reason', reason) end
if to == message.state or (to == 'accepted' and message.state == 'undelivered') then return ended('noted', message) end
-- No information is no proof that a call in doubt was taken. Any other word is.
if to == 'accepted' and RANK[receipt.state] < RANK.underway then return ended('noted', message) end
redis.call('HDEL', message.key, 'needs_review', 'lease_until')
no_wake(message)
leave_backlog(message)
confirm(message)
read_recall(message)
if to ~= 'accepted' and (RECALLED_BY_MACHINE[message.recall] or message.recall == 'needs_review') then
  refuse_recall(message, 'it went out')
end
move(message, to, reason)
return ended('moved', message)
