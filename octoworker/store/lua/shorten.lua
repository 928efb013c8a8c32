-- include: message, broken_records, tickets
-- Shorten the story of one slice of messages that ended long ago to a tombstone: what keeps them from being sent again, and what
-- explains the bill. All else goes, and with it number and text.
-- KEYS  none: the indexes name the records
-- ARGV  1 request (JSON: after (ms since the last move), slice (count for each state); or gone (id -> what it was found by, see
--         found): what was shortened, and is found by that no more, for nothing is left that could be shown)
-- returns  {shortened, more (1 | 0), id, payload, outcomes of each that was shortened ...}
-- SHORTENED (hash)  state -> ms of the last move up to which its messages have been looked at
local request, now = cjson.decode(ARGV[1]), clock()

local function leave_index(id, hashes)
  local message = {id = id, key = RECORDS .. id}
  -- Its caller may have taken it anew since.
  if redis.call('HEXISTS', message.key, 'shortened') == 1 then lose(message, hashes) end
end

if request.gone then
  for id, hashes in pairs(request.gone) do with_record(id, leave_index, id, hashes) end
  return {0, 0}
end

local horizon, shortened, more, were = now - request.after, 0, 0, {}
-- What is kept: where it stands, who it is, what it cost, and which keys it has had, should its caller take it anew.
local KEPT = {'state', 'reason', 'lane', 'fingerprint', 'wording', 'incarnation', 'ticket', 'cost', 'currency', 'campaign',
              'people', 'in_doubt_since', 'key_generation', 'receipts_from', 'forgotten'}

-- Not those of which somebody may still ask or say more, nor those that speak for others.
local function over(message, state)
  return message.state == state and message.confirmed ~= '0' and not given(message.needs_review) and not given(message.recall)
    and not given(message.parts) and not given(message.parent) and number(message.deliver_at) <= horizon
    and not given(message.shortened)
    -- Nobody else knows that some of its people have it.
    and not (UNSENT[state] and reached(message))
end

local function shorten(id, state)
  local message = {id = id, key = RECORDS .. id, now = now}
  read_message(message, 'confirmed', 'needs_review', 'recall', 'parts', 'parent', 'deliver_at', 'shortened', unpack(KEPT))
  local left = redis.call('PTTL', message.key)
  if left <= 0 or not over(message, state) then return end
  local kept = {'shortened', string.format('%.0f', now)}
  for _, name in ipairs(KEPT) do
    if given(message[name]) then
      kept[#kept + 1] = name
      kept[#kept + 1] = message[name]
    end
  end
  local was = redis.call('HMGET', message.key, 'payload', 'outcomes')
  were[#were + 1], were[#were + 2], were[#were + 3] = id, was[1] or '', was[2] or ''
  -- Anew: a hash that was large once never becomes small again by losing fields.
  redis.call('DEL', message.key)
  redis.call('HSET', message.key, unpack(kept))
  redis.call('PEXPIRE', message.key, left)
  if given(message.ticket) then lose_ticket(message, message.ticket) end
  shortened = shortened + 1
end

for state in pairs(FINAL) do
  local from = number(redis.call('HGET', SHORTENED, state))
  local found = redis.call('ZRANGEBYSCORE', STATES .. state, string.format('(%.0f', from), horizon, 'WITHSCORES',
                           'LIMIT', 0, request.slice)
  local first, last = number(found[2]), number(found[#found])
  local full = #found / 2 >= request.slice
  if full then more = 1 end
  -- More may stand at the last instant of a full slice: they are looked at again, but for a slice of one single instant.
  if #found > 0 then redis.call('HSET', SHORTENED, state, string.format('%.0f', full and last > first and last - 1 or last)) end
  for n = 1, #found, 2 do with_record(found[n], shorten, found[n], state) end
end
return {shortened, more, unpack(were)}
