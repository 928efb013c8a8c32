-- A script of one message, run for several in one call: what it makes and reads for itself, it does so once. Redis does nothing
-- else until it has done them all.
-- KEYS  their records
-- ARGV  for each of them what a call for one alone has, but for the last; at the end that last one, which they share
-- returns  for each what a call for one alone returns; {'failed', Redis' words} where a record is not as it should be, which stops no
--          other

local decoded_once = {}

-- A JSON text that several messages share.
local function shared(text)
  decoded_once[text] = decoded_once[text] or cjson.decode(text)
  return decoded_once[text]
end

-- Whether Redis' words are about what a record says. Any others are about Redis itself (READONLY, OOM), and not for one alone.
local function about_a_record(words)
  local code = string.match(words, '%f[%w](%u%u%u+)%f[%W]')
  return not code or code == 'ERR' or code == 'WRONGTYPE'
end

local function for_each(one)
  local answers, size = {}, (#ARGV - 1) / #KEYS
  for n, key in ipairs(KEYS) do
    local its = {unpack(ARGV, (n - 1) * size + 1, n * size)}
    its[size + 1] = ARGV[#ARGV]
    local well, answer = pcall(one, {key}, its)
    if not well then
      local words = type(answer) == 'table' and answer.err or tostring(answer)
      if not about_a_record(words) then return {err = words} end
      answer = {'failed', words}
    end
    answers[n] = answer
  end
  return answers
end
