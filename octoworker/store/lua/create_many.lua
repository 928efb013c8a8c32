-- include: message
-- Take many messages in one step, and publish their bulk jobs when the broker is here too.
-- KEYS  none: the ids name the records
-- ARGV  1 request (JSON: lane, requeue_after (ms), worded (bool: each has a wording); campaign, correlation where there is one)
--       2 the broker's list of their lane (not among KEYS: a producer may write it and not read it)
--       3 how many bulk jobs   then those jobs as the broker keeps them
--       then for each message: id, fingerprint, payload (JSON, kept as it is); wording (see message) where they have one; of a campaign's also
--         people (recipients), row (place in its campaign), digests (hashes of a number and the text, with blanks between them)
-- returns  one letter for each: 'n' (new), 's' (already there with this content), 'c' (there with other content)
--          'x' 'e' 'r' 'd' (already there with this content, and cancelled, expired, rejected, dead)
local BEFORE_JOBS = 3
local LETTERS = {same = 's', conflict = 'c', cancelled = 'x', expired = 'e', rejected = 'r', dead = 'd'}
local request, list, jobs, now = cjson.decode(ARGV[1]), ARGV[2], tonumber(ARGV[3]), clock()
local parts = given(request.campaign) and 7 or request.worded and 4 or 3
local verdicts, fresh = {}, false

-- Who has this text from this campaign, for a day (two, so that the last hour of the one before is there): in small hashes,
-- which take a sixth of the memory of large ones.
local function mark_sent(id, digests)
  local day = math.floor(now / 86400000)
  for digest in string.gmatch(digests, '%S+') do
    local key = SENT .. day .. ':' .. string.sub(digest, 1, 3)
    redis.call('HSET', key, digest, request.campaign .. ':' .. id .. ':' .. string.format('%.0f', now))
    redis.call('PEXPIRE', key, 2 * 86400000)
  end
end

local function take(id, fingerprint, payload, wording, people, row, digests)
  local key = RECORDS .. id
  request.fingerprint, request.wording = fingerprint, wording
  local known = known_as(key, request)
  if known then return LETTERS[known] end
  request.people, request.job_id, fresh = people, id, true
  create({id = id, key = key, now = now}, request, payload)
  if given(request.campaign) then
    redis.call('ZADD', CAMPAIGNS .. request.campaign .. ':messages', row, id)
    mark_sent(id, digests)
  end
  return 'n'
end

for first = BEFORE_JOBS + jobs + 1, #ARGV, parts do
  verdicts[#verdicts + 1] = take(unpack(ARGV, first, first + parts - 1))
end
-- What its messages were counted in ends with the campaign.
if given(request.campaign) and redis.call('PTTL', CAMPAIGNS .. request.campaign .. ':messages') == -1 then
  local left = redis.call('PTTL', CAMPAIGNS .. request.campaign)
  if left > 0 then redis.call('PEXPIRE', CAMPAIGNS .. request.campaign .. ':messages', left) end
end
if fresh then
  for n = 1, jobs do redis.call('LPUSH', list, ARGV[BEFORE_JOBS + n]) end
end
return table.concat(verdicts)
