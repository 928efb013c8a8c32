-- include: wakeups, flow_control
-- Release from the backlogs as many as flow control lets go until the look-ahead ends, each with its own instant.
-- KEYS  none: the backlogs name the records
-- ARGV  1 request (JSON: slice (count), look_ahead, requeue_after, keep, lease (ms))   2 limits (JSON: what flow_control and
--         breaker ask for)
-- returns  {released, wakeups (JSON: see wakeups)}
--          released: a full slice means that there may be more
local request, limits, now = cjson.decode(ARGV[1]), cjson.decode(ARGV[2]), clock()
-- One release in ten begins with the lowest lane, one with the middle one, so that nobody starves behind the urgent.
local TURNS = {[0] = {'bulk', 'normal', 'urgent'}, [5] = {'normal', 'urgent', 'bulk'}}
local flow = read_flow_control(limits, now)
local heads, at, released = {}, {urgent = 1, normal = 1, bulk = 1}, 0

-- The first of a lane, of both kinds, oldest first.
local function heads_of(lane)
  local found = {}
  for _, backlog in ipairs(backlogs_of(lane, limits)) do
    if not paused(flow, lane, backlog.marketing) then
      local ids = redis.call('ZRANGE', BACKLOGS .. backlog.name, 0, request.slice - 1, 'WITHSCORES')
      for n = 1, #ids, 2 do
        found[#found + 1] = {id = ids[n], key = RECORDS .. ids[n], now = now, keep = request.keep,
                             since = tonumber(ids[n + 1]), from = backlog.name, place = lane}
      end
    end
  end
  table.sort(found, function(one, other) return one.since < other.since end)
  return found
end

-- The next in turn; nil when the backlogs are empty.
local function take_next()
  for _, lane in ipairs(TURNS[flow.turn % 10] or LANES) do
    local head = heads[lane][at[lane]]
    if head then
      at[lane] = at[lane] + 1
      return head
    end
  end
end

-- The next in turn that has not failed as a probe yet: a message that fails whenever it is called, like one to so many that
-- the answer comes too late, must not speak for Octopush again and again.
local function take_probe()
  for _, lane in ipairs(TURNS[flow.turn % 10] or LANES) do
    for _, head in ipairs(heads[lane]) do
      if not head.tried and redis.call('HEXISTS', head.key, 'probed') == 0 then
        head.tried = true
        return head
      end
    end
  end
end

-- Whether it went: it may be over since, or in another backlog.
local function let_go(message, delay)
  read_message(message, 'state', 'backlog')
  if not message.state or FINAL[message.state] or message.backlog ~= message.from then
    redis.call('ZREM', BACKLOGS .. message.from, message.id)
    return false
  end
  redis.call('HSET', message.key, 'released', 1)
  redis.call('HDEL', message.key, 'backlog')
  redis.call('ZREM', BACKLOGS .. message.from, message.id)
  if message.state == 'waiting' then move(message, 'queued', 'its turn') end
  wake(message, 'backlog', delay, 0, request.requeue_after)
  return true
end

local function release_all(probing)
  for _, lane in ipairs(LANES) do heads[lane] = heads_of(lane) end
  while released < request.slice do
    local head = probing and take_probe() or take_next()
    if not head then return end
    local ms = takes(flow, number(redis.call('HGET', head.key, 'segments')))
    if ms > 0 and flow.tat >= now + request.look_ahead then return end
    local slot = ms > 0 and math.max(flow.tat, now) or now
    if let_go(head, slot - now) then
      released, flow.turn = released + 1, flow.turn + 1
      if ms > 0 then flow.tat = slot + ms end
      if probing then
        redis.call('HSET', of_account(BREAKER, limits), 'probe', head.id, 'probe_until', string.format('%.0f', now + request.lease))
        return
      end
    end
  end
end

local closed = flow.breaker ~= 'open'
-- A probe has one lease; what says more was written before the clock was set back.
local probe_away = flow.probe_until > now and flow.probe_until <= now + request.lease
local probing = not closed and flow.open_until <= now and not probe_away
if not flow.account_hold and not flow['pause:all'] and (closed or probing) then release_all(probing) end
if released > 0 then
  redis.call('HSET', flow.key, 'tat', string.format('%.3f', flow.tat), 'paced', now, 'turn', flow.turn % 1000)
end
return {released, as_json(wakeups)}
