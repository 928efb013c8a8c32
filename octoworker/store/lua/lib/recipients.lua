-- include: message
-- To which message of ours a call of Octopush's belongs, and whether its number is one of its recipients.

-- Id and generation of the key of the message that has this ticket; nil when none has it, or two. Whether any is known.
local function owner_of(ticket)
  local found = ticket ~= '' and redis.call('GET', TICKETS .. ticket)
  if not found then return nil, nil, false end
  local id, generation = string.match(found, '^(%x+):(%d+)$')
  return id, tonumber(generation), true
end

local function is_recipient(message, number)
  if decoded(message.outcomes)[number] then return true end
  for _, each in ipairs(listed_recipients(message.payload)) do
    if each == number then return true end
  end
  return false
end
