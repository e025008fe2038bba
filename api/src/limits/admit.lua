-- Reads a session and counts a request against its rate limits, all in one step.
--
-- KEYS[1]    the session, read only if ARGV[1] is '1'
-- KEYS[2..]  one counter for each limit: '<window> <this window> <the one before>'
-- ARGV[2]    the width of a window, milliseconds
-- ARGV[3..]  the limits, in the order of their counters
--
-- Answers { session or nil, number of the refusing limit or 0, milliseconds until it may work again,
--           milliseconds until the window ends, what is left of each limit ... }
--
-- A sliding window from two fixed ones: the one before counts with the share of it that the sliding window still
-- covers. A refused request is counted nowhere, so a client that waits as told is let in.
-- The clock is Redis's own: instances of the api need not agree on the time.

local session = false
if ARGV[1] == '1' then session = redis.call('GET', KEYS[1]) end

-- Whoever holds the token of an ended session must not use its person's limits up; the caller counts the address.
if session == 'revoked' then return { session } end

local width = tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local window = math.floor(now / width)
local passed = now - window * width

local counters = {}
for i = 2, #KEYS do
  local limit = tonumber(ARGV[i + 1])
  local current, previous = 0, 0
  local stored = redis.call('GET', KEYS[i])
  if stored then
    local at, count, before = string.match(stored, '^(%d+) (%d+) (%d+)$')
    at = tonumber(at)
    if at == window then
      current, previous = tonumber(count), tonumber(before)
    elseif at == window - 1 then
      previous = tonumber(count)
    end
  end
  local used = previous * (width - passed) / width + current
  if used + 1 > limit then
    local wait
    if current + 1 <= limit then
      wait = width * (1 - (limit - 1 - current) / previous) - passed
    else
      wait = width - passed + math.max(0, width * (1 - (limit - 1) / current))
    end
    return { session, i - 1, math.ceil(wait), width - passed }
  end
  counters[i] = { current + 1, previous, math.floor(limit - used - 1) }
end

local answer = { session, 0, 0, width - passed }
for i = 2, #KEYS do
  local counter = counters[i]
  redis.call('SET', KEYS[i], string.format('%d %d %d', window, counter[1], counter[2]), 'PX', 2 * width)
  answer[#answer + 1] = counter[3]
end
return answer
