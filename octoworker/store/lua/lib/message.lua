-- include: refund, progress, events
-- A message is one table that every function takes: `id`; `key` of its record; `now`; `keep`, ms for which a final record is
-- kept; and by their names the fields of the record that its script asked for; `read` when all that a move asks for is among
-- them. `state`, `history` and `reason` follow each move.

local FINAL = {accepted = true, delivered = true, undelivered = true, rejected = true,
               expired = true, cancelled = true, dead = true}
-- A recipient in one of these has the message, or had it on its way to them.
local REACHED = {accepted = true, delivered = true, undelivered = true}
-- States found through the due set alone; all others stand in an index of their own, for `list`.
local UNLISTED = {queued = true, submitting = true}
-- States from which nothing has gone yet, unless its key was used before.
local PENDING = {queued = true, scheduled = true, waiting = true}
-- A history longer than this loses its middle: the beginning and the latest lines tell the story.
local HISTORY_LINES = 100
-- No line has fewer characters.
local SHORTEST_LINE = 9

local function read_message(message, ...)
  return fill(message, message.key, ...)
end

-- What a move asks for of a record.
local OF_A_MOVE = {'history', 'campaign', 'deliver_at', 'receipts', 'parent', 'secret', 'reason', 'created'}

-- A message with all that its record says: for who asks for much of it, that is quicker than to ask by names.
local function read_record(id, key, now, keep)
  local message, all = {}, redis.call('HGETALL', key)
  for n = 1, #all, 2 do message[all[n]] = all[n + 1] end
  message.id, message.key, message.now, message.keep, message.read = id, key, now, keep, true
  return message
end

local function without_middle(history)
  local _, lines = string.gsub(history, '\n', '')
  if lines < HISTORY_LINES then return history end
  local first = string.find(history, '\n', 1, true)
  local second = string.find(history, '\n', first + 1, true)
  return string.sub(history, 1, first) .. string.sub(history, second + 1)
end

-- One line for each move: ms, state, reason. `+`: ms since the first line, which is left out where it says that the message was
-- queued when it was taken.
local function append(past, now, to, reason)
  local history = past.history or ''
  if #history >= HISTORY_LINES * SHORTEST_LINE then history = without_middle(history) end
  local begin = string.match(history, '^%d+') or past.created
  return history .. string.format(begin and '+%.0f|%s|%s\n' or '%.0f|%s|%s\n', begin and now - begin or now, to, reason)
end

-- Before another instant is that at which it was taken.
local function fix_beginning(message)
  local past = fill({}, message.key, 'history', 'created')
  local history = past.history or ''
  if not past.created or string.find(history, '^%d') then return end
  redis.call('HSET', message.key, 'history', past.created .. '|queued|\n' .. history)
end

-- The ends of its keys.
local PARTS_OF_CAMPAIGN = {'', ':counts', ':reasons', ':messages'}

-- A campaign ends no sooner than its messages: theirs moves its own. While it is paused it has no end: its messages would go
-- out once it was gone.
local function outlive(campaign, keep, ahead)
  local root = CAMPAIGNS .. campaign
  local left = redis.call('PTTL', root)
  if left == -1 then return end
  local unkept = redis.call('PTTL', root .. ':reasons') == -1
  if left >= ahead + keep * 0.9 and not unkept then return end
  for _, part in ipairs(PARTS_OF_CAMPAIGN) do
    redis.call('PEXPIRE', root .. part, string.format('%.0f', math.max(left, ahead + keep)))
  end
end

-- What receipts say of a recipient, by rank: the highest counts, so that they may come in any order and any number of times.
local RANK = {nothing = 1, underway = 2, undelivered = 3, delivered = 4}

local function decoded(text)
  return cjson.decode(given(text) and text or '{}')
end

-- Whether the first of two receipts of one recipient says more. Of two with the same rank it is the one with the later time
-- of the operator's, then the later word: that is no better than the other way round, but always the same.
local function says_more(one, other)
  if not other then return true end
  if one.state ~= other.state then return RANK[one.state] > RANK[other.state] end
  if one.at ~= other.at then return one.at > other.at end
  return one.word > other.word
end

local function listed_recipients(payload)
  local readable, arguments = pcall(cjson.decode, payload or '')
  local recipients = readable and type(arguments) == 'table' and arguments.recipients
  return type(recipients) == 'table' and recipients or {recipients or nil}
end

-- Where a message stands by what became of its recipients, and why. It is delivered when each that was accepted has it,
-- undelivered when each has its word; else it is accepted. Of a call that was never answered only receipts tell.
local function concluded(message)
  local found = fill({}, message.key, 'outcomes', 'receipts', 'payload')
  local outcomes, known, open, failed, reason = decoded(found.outcomes), 0, 0, 0, ''
  for number, receipt in pairs(decoded(found.receipts)) do
    local outcome = outcomes[number] or {}
    outcomes[number] = outcome
    if RANK[receipt.state] >= RANK.undelivered then
      outcome.state, reason = receipt.state, given(receipt.reason) and receipt.reason or reason
    end
  end
  for _, outcome in pairs(outcomes) do
    known = known + 1
    if outcome.state == 'undelivered' then failed = failed + 1
    elseif outcome.state ~= 'delivered' and outcome.state ~= 'rejected' then open = open + 1 end
  end
  local recipients = math.max(known, #listed_recipients(found.payload))
  if open + recipients - known > 0 then return 'accepted', '' end
  if failed == 0 then return 'delivered', '' end
  return 'undelivered', recipients == 1 and reason or failed .. ' of ' .. recipients .. ' recipients did not get it'
end

-- Moves that become events for the web app. All others are steps on the way.
local EMITTED = {accepted = true, delivered = true, undelivered = true, rejected = true, expired = true, dead = true,
              unknown = true, cancelled = true}

local function emit_move(message, reason)
  local sequence = redis.call('HINCRBY', message.key, 'sequence', 1)
  local known = fill({}, message.key, 'error_code', 'campaign', 'remarks', 'parent', 'country')
  emit('evt_' .. message.id .. '_' .. sequence, 'sms.' .. message.state, message.now, {
    message_id = message.id, state = message.state, reason = reason, sequence = sequence,
    error_code = given(known.error_code) and known.error_code or nil, campaign = known.campaign or nil,
    parent = known.parent or nil, country = known.country or nil,
    remarks = given(known.remarks) and cjson.decode(known.remarks) or nil})
end

-- A message that goes to each of its countries at its own hour is one record with `parts` (JSON: country -> id, people, state,
-- reason), each of which is a message of its own with `parent` in its record. The whole waits until all of them have ended.
-- What became of the people of a part stands in the whole, too, so that its state, its counts and its story are true.
-- Returns the states to which the whole moves now, in order, and why.
local function gather(whole, part, reason)
  read_message(whole, 'state', 'parts', 'outcomes')
  if not whole.state or not given(whole.parts) then return {}, '' end
  local parts, outcomes = cjson.decode(whole.parts), decoded(whole.outcomes)
  local own = fill({}, part.key, 'outcomes', 'receipts', 'payload', 'country', 'in_doubt_since', 'confirmed')
  local found, receipts = decoded(own.outcomes), decoded(own.receipts)
  for _, number in ipairs(listed_recipients(own.payload)) do
    local outcome = found[number] or {state = part.state, reason = reason}
    local receipt = receipts[number]
    if receipt and RANK[receipt.state] >= RANK.undelivered then outcome.state = receipt.state end
    outcomes[number] = outcome
  end
  if own.country and parts[own.country] then
    parts[own.country].state, parts[own.country].reason = part.state, reason
  end
  -- What may have been sent of a part may have been sent of the whole; so it is with what nobody saw accepted.
  if part.state == 'dead' and given(own.in_doubt_since) then
    redis.call('HSET', whole.key, 'in_doubt_since', own.in_doubt_since)
  end
  if own.confirmed == '0' then redis.call('HSET', whole.key, 'confirmed', 0) end
  redis.call('HSET', whole.key, 'parts', cjson.encode(parts), 'outcomes', cjson.encode(outcomes))
  local states, sent, why = {}, 0, ''
  for _, each in pairs(parts) do
    if not FINAL[each.state] then return {}, '' end
    states[each.state] = (states[each.state] or 0) + 1
    if REACHED[each.state] then sent = sent + 1 else why = each.reason or '' end
  end
  if sent == 0 then
    local ended = states.dead and 'dead' or states.rejected and 'rejected' or states.expired and 'expired' or 'cancelled'
    -- What Octopush held for later may have been taken back from it.
    local open = whole.state == 'waiting' or whole.state == 'accepted' and ended == 'cancelled'
    return open and {ended} or {}, why
  end
  local further = states.accepted and 'accepted' or states.undelivered and 'undelivered' or 'delivered'
  why = why ~= '' and 'accepted for some countries only: ' .. why or ''
  if whole.state == 'waiting' or whole.state == 'dead' then
    return further == 'accepted' and {'accepted'} or {'accepted', further}, why
  end
  local stronger = whole.state == 'accepted' and further ~= 'accepted' or whole.state == 'undelivered' and further == 'delivered'
  return stronger and {further} or {}, why
end

local IN_PARTS = 'goes to each of its countries at its own hour'

-- A one-time code stands nowhere any more, once its message has gone or is over.
local function drop_text(message)
  local payload = cjson.decode(redis.call('HGET', message.key, 'payload'))
  payload.text = ''
  redis.call('HSET', message.key, 'payload', cjson.encode(payload), 'text_gone', message.now)
end

-- What a move brings along, of a message of which there is more to do than to move it. `heard`: somebody listens to it. `moves` is
-- `move`, for those that move with it.
local function follow(message, from, reason, due, past, heard, moves)
  local now, to = message.now, message.state
  if past.campaign then
    tally(message, from, to, reason)
    outlive(past.campaign, message.keep, due and math.max(0, due - now) or 0)
  end
  if FINAL[to] and past.secret then drop_text(message) end
  if heard then emit_move(message, reason) end
  -- Receipts that came before it was known to be accepted.
  if to == 'accepted' and past.receipts then
    local further, why = concluded(message)
    if further ~= 'accepted' then return moves(message, further, why) end
  end
  if not past.parent or not (FINAL[to] or FINAL[from]) then return end
  local whole = {id = past.parent, key = RECORDS .. past.parent, now = now, keep = message.keep}
  local further, why = gather(whole, message, reason)
  for _, each in ipairs(further) do moves(whole, each, why) end
  -- A part that an operator has sent back: the whole waits for it again, unless somebody has it already.
  if not FINAL[to] and whole.state and FINAL[whole.state] and not REACHED[whole.state] then
    moves(whole, 'queued', 'a part of it was replayed')
    moves(whole, 'waiting', IN_PARTS)
  end
end

-- One move: state, reason, history, index, time to live. `due`: ms at which it moves next, where that is known. Further fields
-- and values are written with it.
local function move(message, to, reason, due, ...)
  local key, from = message.key, message.state
  local past = message.read and message or fill({}, key, unpack(OF_A_MOVE))
  local history = append(past, message.now, to, reason)
  if reason == '' and not given(past.reason) then
    redis.call('HSET', key, 'state', to, 'history', history, ...)
  else
    redis.call('HSET', key, 'state', to, 'reason', reason, 'history', history, ...)
  end
  message.state, message.history, message.reason = to, history, reason
  if not UNLISTED[from] then redis.call('ZREM', STATES .. from, message.id) end
  if not UNLISTED[to] then redis.call('ZADD', STATES .. to, due or message.now, message.id) end
  if FINAL[to] then
    -- What Octopush holds for later is kept that much longer: forgotten before it is delivered, it could be sent again.
    redis.call('PEXPIRE', key, message.keep + math.max(0, number(past.deliver_at) - message.now))
  elseif FINAL[from] then
    redis.call('PERSIST', key)
  end
  local heard = EMITTED[to] and from ~= to and somebody_listens()
  if heard or past.campaign or past.secret or past.receipts or past.parent then
    follow(message, from, reason, due, past, heard, move)
  end
end

-- The outcomes by recipient, when somebody has the message already; else nil.
local function reached(message)
  local text = redis.call('HGET', message.key, 'outcomes')
  local outcomes = cjson.decode(given(text) and text or '{}')
  for _, outcome in pairs(outcomes) do
    if REACHED[outcome.state] then return outcomes end
  end
end

-- The end of a message of which nothing is in doubt. Where some recipients have it, it ends as accepted, and a replay asks
-- for force: else their handsets would ring a second time.
local function finish(message, to, reason)
  local outcomes = reached(message)
  if outcomes then
    for _, outcome in pairs(outcomes) do
      if outcome.state == 'waiting' then outcome.state = 'rejected' end
    end
    to, reason = 'accepted', 'accepted for some recipients only: ' .. reason
    redis.call('HSET', message.key, 'outcomes', cjson.encode(outcomes), 'pending', '')
  end
  move(message, to, reason)
  if not outcomes then give_back(message) end
end

-- Octopush says that it had the key, and nobody saw what it answered: accepted, as far as that can be known. Such messages
-- stand in an index of their own until somebody knows more.
local function leave_unconfirmed(message)
  redis.call('ZADD', STATES .. 'unconfirmed', message.now, message.id)
end

local function confirm(message)
  redis.call('HDEL', message.key, 'confirmed')
  redis.call('ZREM', STATES .. 'unconfirmed', message.id)
end

-- An operator has looked at it.
local function looked_at(message)
  redis.call('ZREM', STATES .. 'rolled-back', message.id)
end

-- Stop all machines: it may have been sent, and only an operator can find out.
local function ask_operator(message, to, reason)
  redis.call('HSET', message.key, 'needs_review', 1)
  move(message, to, reason)
end

local function wake_at(message, at)
  redis.call('HSET', message.key, 'due', string.format('%.0f', at))
  redis.call('ZADD', DUE, at, message.id)
end

local function no_wake(message)
  redis.call('HDEL', message.key, 'due')
  redis.call('ZREM', DUE, message.id)
end

-- Since when (ms) it may go, but for flow control: since it was taken, or was due. That is its age in queues and backlogs;
-- days in which it was held do not count.
local function eligible_since(message)
  return number(given(message.eligible_at) and message.eligible_at or message.created)
end

-- States in which a message is over and was not sent.
local UNSENT = {cancelled = true, expired = true, rejected = true, dead = true}

-- What the digests of a message say of a record: 'same' or 'conflict'; nil when there is no record. Of a message that is over
-- and was not sent its state, in place of 'same': nothing comes of it any more. `fingerprint` is of the
-- form in which it is kept, with the settings of that day; `wording` of what its caller wrote, and not kept where the two are one.
-- Either is enough: two spellings are one message, and so are the same words after a setting has changed.
local function known_as(key, job)
  local record = fill({}, key, 'fingerprint', 'wording', 'state')
  if not record.fingerprint then return nil end
  local wording = given(job.wording) and job.wording or job.fingerprint
  if record.fingerprint == job.fingerprint or (record.wording or record.fingerprint) == wording then
    return UNSENT[record.state] and record.state or 'same'
  end
  return 'conflict'
end

-- Whether a job is of a content that the caller has replaced since. One by plain `send_task` knows of no incarnation, and is
-- told by its content.
local function superseded(message, job)
  local mine = given(job.incarnation) and job.incarnation or ''
  if mine == (given(message.incarnation) and message.incarnation or '') then return false end
  return job.ours or message.fingerprint == job.fingerprint
end

-- The record of a new message. `job`: fingerprint, lane, job_id, requeue_after (ms), and wording, correlation, campaign, people or
-- none. Its job has its id, unless that came first.
local function create(message, job, payload)
  local now, written = message.now, {}
  local function write(name, value)
    if given(value) then
      written[#written + 1] = name
      written[#written + 1] = value
    end
  end
  write('wording', job.wording ~= job.fingerprint and job.wording)
  write('correlation', job.correlation)
  write('secret', job.secret and 1)
  write('campaign', job.campaign)
  write('people', given(job.campaign) and job.people)
  write('job_id', job.job_id ~= message.id and job.job_id)
  redis.call('HSET', message.key, 'state', 'queued', 'fingerprint', job.fingerprint, 'payload', payload, 'lane', job.lane,
             'created', now, unpack(written))
  if given(job.campaign) then tally(message, nil, 'queued', '') end
  redis.call('ZADD', DUE, now + job.requeue_after, message.id)
end

-- The record of a message whose job came first, by Celery's own `send_task`: it is made when the job is claimed, and when that
-- job was put into its queue is not known.
local function create_by_job(message, job, payload)
  create(message, job, payload)
  redis.call('HSET', message.key, 'by_job', 1)
end

-- What a script replies: its outcome, and the record as one JSON text [field, value, ...], because a client reads one
-- long text far faster than many short ones.
local function reply(outcome, message, ...)
  return {outcome, cjson.encode(redis.call('HGETALL', message.key)), ...}
end
