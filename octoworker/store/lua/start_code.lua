-- include: codes
-- Begin the verification of a number, or go on with the one that is open, and say whether a code is to be sent.
-- KEYS  none
-- ARGV  1 request (JSON: id (for a new one), places (hashes of number and purpose, the newest key's first), key (name of the newest),
--         country, address (hash, or ''), life, again (ms), sends, guard ('off' | 'monitor' | 'refuse'))
-- returns  {'send', JSON: id, send, key, suspicion, now, resend_at, expires_at}   the code goes for the nth time: `send`
--          {'same', JSON}      it went a moment ago, or is on its way: the same message again
--          {'spent', JSON}     it went often enough, or was guessed at too often: nothing more until it expires
--          {'refused', JSON}   the guard says that this is pumping; suspicion says why. Nothing is sent
local request, now = cjson.decode(ARGV[1]), clock()

local function answer(word, code, why)
  return {word, cjson.encode({id = code.id, send = number(code.sends), key = code.key, suspicion = why or '', now = now,
                              resend_at = number(code.sent_at) + request.again, expires_at = number(code.expires_at)})}
end

local function open()
  for _, place in ipairs(request.places) do
    local id = redis.call('GET', CODES .. 'of:' .. place)
    local code = id and read_code(id)
    if code and number(code.expires_at) > now then return code end
  end
end

local function on_its_way(code)
  local state = redis.call('HGET', RECORDS .. message_of(code.id, number(code.sends)), 'state')
  return state and ON_ITS_WAY[state]
end

count_expired(now)
local code = open()
if code then
  if given(code.refused) then return answer('refused', code, code.refused) end
  if number(code.checks) >= number(code.most_checks) then return answer('spent', code) end
  if now < number(code.sent_at) + request.again or on_its_way(code) then return answer('same', code) end
  if number(code.sends) >= request.sends then return answer('spent', code) end
end
local suspect = request.guard ~= 'off' and suspicion(request.country, request.address, now) or nil
local refused = suspect and request.guard == 'refuse' and suspect or ''
local new = not code
if new then
  code = {id = request.id, sends = 0, key = request.key, expires_at = now + request.life}
  redis.call('HSET', CODES .. code.id, 'key', code.key, 'expires_at', code.expires_at, 'checks', 0, 'most_checks', request.checks,
             'place', request.places[1], 'country', request.country, 'address', request.address, 'refused', refused)
  redis.call('PEXPIRE', CODES .. code.id, request.life)
  redis.call('SET', CODES .. 'of:' .. request.places[1], code.id, 'PX', request.life)
end
code.sends, code.sent_at = number(code.sends) + 1, now
redis.call('HSET', CODES .. code.id, 'sends', code.sends, 'sent_at', now)
if suspect then redis.call('HINCRBY', CODES .. 'day:' .. day_of(now), refused ~= '' and 'refused' or 'suspected', 1) end
if refused ~= '' then
  count_total('refused', request.country)
  return answer('refused', code, suspect)
end
if new then count_started(code, request.country) end
count_sent(request.country, request.address, now)
return answer('send', code, suspect)
