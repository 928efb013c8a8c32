-- include: found
-- Which message has a ticket: what receipts, replies and STOPs are matched by.
-- TICKETS .. begin of the ticket's hash (zset)   rest of the hash, generation of the message's key, ':', id -> s. Sets as in found:
--                             a key for each ticket would take three times the memory.
-- EARLY .. TICKET (list)      receipts that came before their ticket was known

-- Characters of a ticket. The longest that were seen have thirty.
local LONGEST_TICKET = 64

-- Not redis.sha1hex, which fails in fakeredis. Primes a little below 2^32, and factors with which no product leaves the whole
-- numbers that Lua has. Of a hundred million tickets hardly two have one hash.
local ONE, OTHER, BY_ONE, BY_OTHER = 4294967291, 4294967279, 1000003, 999983

-- Its last digits first: tickets in a row are spread over the sets.
local function hash_of_ticket(ticket)
  local one, other = 0, 0
  for n = 1, #ticket do
    local byte = string.byte(ticket, n)
    one, other = (one * BY_ONE + byte) % ONE, (other * BY_OTHER + byte) % OTHER
  end
  return string.reverse(string.format('%08x%08x', one, other))
end

-- Where it stands: place, member, and what the member says, each.
local function places_of_ticket(ticket)
  local hash, found = hash_of_ticket(ticket), {}
  for length = SHORTEST, LONGEST do
    local place, rest, cursor = place_of(TICKETS, hash, length), string.sub(hash, length + 1), '0'
    repeat
      local slice = redis.call('ZSCAN', place, cursor, 'MATCH', rest .. '*', 'COUNT', 1000)
      cursor = slice[1]
      for n = 1, #slice[2], 2 do
        found[#found + 1] = {place = place, member = slice[2][n], word = string.sub(slice[2][n], #rest + 1)}
      end
    until cursor == '0'
  end
  return found
end

local function lose_ticket(message, ticket)
  for _, each in ipairs(places_of_ticket(ticket)) do
    if string.sub(each.member, -#message.id) == message.id then redis.call('ZREM', each.place, each.member) end
  end
end

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

-- Note whose ticket this is, for as long as it has a record.
local function note_ticket(message, ticket, generation)
  if #ticket > LONGEST_TICKET then return end
  put(TICKETS, message, hash_of_ticket(ticket), generation .. ':' .. message.id)
  put_back_early(ticket)
end
