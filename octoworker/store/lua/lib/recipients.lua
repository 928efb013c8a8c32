-- include: message, tickets
-- To which message of ours a call of Octopush's belongs, and whether its number is one of its recipients.

-- Id and generation of the key of the message that has this ticket; nil when none has it, or two. Whether any is known.
local function owner_of(ticket)
  local owner
  for _, each in ipairs(ticket ~= '' and places_of_ticket(ticket) or {}) do
    if owner and owner ~= each.word then return nil, nil, true end
    owner = each.word
  end
  if not owner then return nil, nil, false end
  local generation, id = string.match(owner, '^(%d+):(%x+)$')
  return id, tonumber(generation), true
end

local function is_recipient(message, number)
  if decoded(message.outcomes)[number] then return true end
  for _, each in ipairs(listed_recipients(message.payload)) do
    if each == number then return true end
  end
  return false
end
