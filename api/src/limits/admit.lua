-- Counts a request against its rate limits and reads what it needs to know of the caller, all in one step.
--
-- KEYS       first what is read, then one counter for each limit
-- ARGV[1]    how many keys are read: 0, 1 (the session) or 2 (the session and the person's last write)
-- ARGV[2]    the width of the window, milliseconds
-- ARGV[3]    the slots of a window
-- ARGV[4..]  the limits, in the order of their counters
--
-- Answers { session or nil, last write or nil, number of the refusing limit or 0, milliseconds until it may work again,
--           then for each limit: what is left, milliseconds until the first of what was counted is free again }
--
-- A counter is the number of its newest slot and the counts of the slots from there back, big endian, 32 bits each. A
-- slot counts whole as long as any of it may lie in the window, so no 60 seconds, wherever they begin, have more than
-- the limit. A refused request is counted nowhere, so a client that waits as told is let in.
-- The clock is Redis's own: instances of the api need not agree on the time.

local reads = tonumber(ARGV[1])
local session = reads > 0 and redis.call('GET', KEYS[1])
-- Whoever holds the token of an ended session must not use its person's limits up; the caller counts the address.
if session == 'revoked' then return { session } end
local written = reads > 1 and redis.call('GET', KEYS[2])

local width, slots = tonumber(ARGV[2]), tonumber(ARGV[3])
local step = width / slots
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local slot = math.floor(now / step)
local format = '>' .. string.rep('I4', slots + 2)

-- The newest slot, the counts from it back, and their sum. Another form of counter, of another release, counts as none.
local function load(key)
  local stored = redis.call('GET', key)
  local known = stored and #stored == 4 * (slots + 2) and { struct.unpack(format, stored) }
  -- A clock that was set back must not bring anything back.
  local newest = known and math.max(slot, known[1]) or slot
  local passed = known and newest - known[1] or slots + 1
  local counts, used = {}, 0
  for i = 1, slots + 1 do
    counts[i] = i > passed and known[1 + i - passed] or 0
    used = used + counts[i]
  end
  return newest, counts, used
end

local counters = {}
for i = reads + 1, #KEYS do
  local limit = tonumber(ARGV[i - reads + 3])
  local newest, counts, used = load(KEYS[i])
  local freed, oldest = 0, nil
  for age = slots + 1, 1, -1 do
    freed = freed + counts[age]
    if counts[age] > 0 and not oldest then oldest = age end
    if used >= limit and used - freed < limit then
      return { session, written, i - reads, math.ceil((newest - age + slots + 2) * step - now) }
    end
  end
  counts[1] = counts[1] + 1
  local resets = math.ceil((newest - (oldest or 1) + slots + 2) * step - now)
  counters[#counters + 1] = { KEYS[i], struct.pack(format, newest, unpack(counts)), limit - used - 1, resets }
end

local answer = { session, written, 0, 0 }
for _, counter in ipairs(counters) do
  redis.call('SET', counter[1], counter[2], 'PX', width + math.ceil(step))
  answer[#answer + 1] = counter[3]
  answer[#answer + 1] = counter[4]
end
return answer
