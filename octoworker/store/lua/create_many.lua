-- Take many messages in one step, and publish their bulk jobs when the broker is here too.
-- KEYS  1 due set (zset)   2 prefix of the records (hashes)
-- ARGV  1 job (JSON: lane, requeue_after ms, campaign, correlation (or absent))   2 the broker's list of their lane (not among KEYS: a
--         producer may write it and not read it)   3 how many bulk jobs   those jobs as the broker keeps them   then for each message: id, fp ('' when the id is
--         random), payload (JSON, kept as it is), people (recipients), row (place in its campaign)
-- returns  one letter for each: n (new), s (already there with this content), c (there with other content)
local job, jobs, now, told_, fresh = cjson.decode(ARGV[1]), tonumber(ARGV[3]), clock(), {}, false
for i = 4 + jobs, #ARGV, 5 do
  local id, fp, record = ARGV[i], ARGV[i + 1], KEYS[2] .. ARGV[i]
  local known = redis.call('HGET', record, 'fp')
  if known then
    told_[#told_ + 1] = known == fp and 's' or 'c'
  else
    job.fp, job.people, job.job_id = fp, number(ARGV[i + 3]), id
    create(record, id, KEYS[1], now, job, ARGV[i + 2])
    if given(job.campaign) then redis.call('ZADD', CAMPAIGNS .. job.campaign .. ':messages', ARGV[i + 4], id) end
    told_[#told_ + 1], fresh = 'n', true
  end
end
if given(job.campaign) and redis.call('PTTL', CAMPAIGNS .. job.campaign .. ':messages') == -1 then
  local left = redis.call('PTTL', CAMPAIGNS .. job.campaign)
  if left > 0 then redis.call('PEXPIRE', CAMPAIGNS .. job.campaign .. ':messages', left) end
end
for i = 4, fresh and 3 + jobs or 3 do redis.call('LPUSH', ARGV[2], ARGV[i]) end
return table.concat(told_)
