-- include: base
-- A worker tells how far its wall clock is from this clock, and hears whose clock is wrong.
-- KEYS  none: one hash holds them all
-- ARGV  1 worker   2 drift (ms, above 0: ahead)   3 request (JSON: wrong, stale, keep (ms))
-- returns  {'right'}   as far as `wrong` allows
--          {'wrong'}   others agree with this clock better than this worker does
--          {'alone'}   it is wrong, and no other worker is there to say whose clock it is
--          {'redis', alerted}   several workers are wrong by the same: then it is this clock. alerted: 1 for the first who hears it
local worker, drift, request, now = ARGV[1], tonumber(ARGV[2]), cjson.decode(ARGV[3]), clock()
redis.call('HSET', CLOCKS, worker, string.format('%.0f|%.0f', now, drift))
redis.call('PEXPIRE', CLOCKS, request.keep)

local lowest, highest, workers = drift, drift, 0
local reports = redis.call('HGETALL', CLOCKS)
for n = 1, #reports, 2 do
  local at, its_drift = string.match(reports[n + 1], '^(%-?%d+)|(%-?%d+)$')
  if reports[n] ~= 'alerted' then
    -- Redis' clock may have been set since: what lies ahead is as old as what lies far behind.
    if not at or math.abs(now - tonumber(at)) > request.stale then
      redis.call('HDEL', CLOCKS, reports[n])
    else
      workers = workers + 1
      lowest, highest = math.min(lowest, tonumber(its_drift)), math.max(highest, tonumber(its_drift))
    end
  end
end

if math.abs(drift) <= request.wrong then
  redis.call('HDEL', CLOCKS, 'alerted')
  return {'right'}
end
if workers == 1 then return {'alone'} end
if highest - lowest > request.wrong then return {'wrong'} end
return {'redis', redis.call('HSETNX', CLOCKS, 'alerted', now)}
