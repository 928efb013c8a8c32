-- include: codes
-- One guess at a code: it is counted before it is looked at, so that a thousand at once get no more looks than a thousand in turn.
-- KEYS  none
-- ARGV  1 id   2 name of a key -> whether the guess is its code (JSON)
-- returns  {'ok'}            it is right, for the first time: nobody else is told so
--          {'wrong', left}   left: guesses that are left
--          {'expired'}       it is over, was used, or there was none
--          {'locked'}        it was guessed at too often
local code, now = read_code(ARGV[1]), clock()
count_expired(now)
if not code or number(code.expires_at) <= now or given(code.used) then return {'expired'} end
local checks = redis.call('HINCRBY', CODES .. code.id, 'checks', 1)
if checks > number(code.most_checks) then return {'locked'} end
if cjson.decode(ARGV[2])[code.key] ~= true or given(code.refused) then
  local left = number(code.most_checks) - checks
  if left == 0 then return {'locked'} end
  return {'wrong', left}
end
redis.call('HSET', CODES .. code.id, 'used', now)
redis.call('DEL', CODES .. 'of:' .. code.place)
redis.call('ZREM', CODES .. 'open', code.country .. ':' .. code.id)
count_total('verified', code.country)
count_verified(code.country, code.address, now)
return {'ok'}
