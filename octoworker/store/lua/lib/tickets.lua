-- include: base
-- Which message has a ticket: what receipts, replies and STOPs are matched by.
-- TICKETS .. TICKET (string)  id:generation of its key; '' when two messages have it, and so neither
-- EARLY .. TICKET (list)      receipts that came before their ticket was known

-- Characters of a ticket. The longest that were seen have thirty.
local LONGEST_TICKET = 64

-- Put back into the inbox what came before it could be matched.
local function put_back_early(ticket)
  local early = redis.call('LRANGE', EARLY .. ticket, 0, -1)
  for _, each in ipairs(early) do
    local kept = cjson.decode(each)
    -- One that came by no call has nothing to put back, and must stop no settle.
    if given(kept.id) and given(kept.content) then
      redis.call('XADD', INBOX, '*', 'id', kept.id, 'kind', 'receipt', 'content', kept.content)
    end
  end
  if #early > 0 then redis.call('DEL', EARLY .. ticket) end
end

-- Note whose ticket this is, for `ttl` ms.
local function note_ticket(message, ticket, generation, ttl)
  if #ticket > LONGEST_TICKET then return end
  local place, owner, ms = TICKETS .. ticket, message.id .. ':' .. generation, string.format('%.0f', ttl)
  if not redis.call('SET', place, owner, 'NX', 'PX', ms) and redis.call('GET', place) ~= owner then
    redis.call('SET', place, '', 'PX', ms)
  end
  put_back_early(ticket)
end
