/**
 * Limits of tokens in Redis (token-limiter.ts says what is promised): one script, so that a decision over several limits is one
 * round trip.
 *
 * Each limit has a sorted set of what calls took, named by the call and ordered by the time in microseconds of Redis's own clock,
 * and a hash of how many each of them took, with their sum under `sum`. The work of a call is bounded: it drops at most a thousand
 * entries that have left its span, and looks no further for when it would pass. An entry takes about 200 bytes.
 *
 * KEYS  per limit the sorted set and the hash, all with one hash tag
 * ARGV  'take' | 'peek', how many tokens, the call's name; then limit, windowMs per limit
 *       'settle', how many were taken, the call's name, how many were used; then windowMs per limit
 * Replies, for take and peek: { 1 or 0: allowed, then remaining, resetUs per limit }.
 *
 * Where the clock has stepped back, what is later than now counts as now: a limit is free again after one time span.
 */
export const tokenLimitScript = `
local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local stamp = string.format('%.0f', now)
local tokens, name = tonumber(ARGV[2]), ARGV[3]
-- How many entries a call looks at: Redis serves nobody else meanwhile. What is not dropped yet counts as inside.
local most = 1000

local function add(times, amounts, count, member, windowMs)
  call('ZADD', times, stamp, member)
  call('HSET', amounts, member, count)
  call('HINCRBY', amounts, 'sum', count)
  -- One millisecond more, because Redis expires on whole ones.
  call('PEXPIRE', times, windowMs + 1)
  call('PEXPIRE', amounts, windowMs + 1)
end

if ARGV[1] == 'settle' then
  local used = tonumber(ARGV[4])
  for i = 1, #KEYS / 2 do
    local times, amounts = KEYS[i * 2 - 1], KEYS[i * 2]
    local taken = call('HGET', amounts, name)
    if used > tokens then
      -- It can be told twice.
      if call('HEXISTS', amounts, name .. '+') == 0 then add(times, amounts, used - tokens, name .. '+', ARGV[i + 4]) end
    elseif taken then
      call('HINCRBY', amounts, 'sum', used - taken)
      if used > 0 then
        call('HSET', amounts, name, used)
      else
        call('HDEL', amounts, name)
        call('ZREM', times, name)
      end
    end
  end
  return {}
end

-- Drops what has left the span, and returns the sum of what is inside.
local function sumInside(times, amounts, spanUs)
  for _, member in ipairs(call('ZRANGEBYSCORE', times, '(' .. stamp, '+inf', 'LIMIT', 0, most)) do
    call('ZADD', times, stamp, member)
  end
  local edge = string.format('%.0f', now - spanUs)
  local left = 0
  for _, member in ipairs(call('ZRANGEBYSCORE', times, '-inf', edge, 'LIMIT', 0, most)) do
    left = left + (call('HGET', amounts, member) or 0)
    call('HDEL', amounts, member)
    call('ZREM', times, member)
  end
  if left > 0 then return call('HINCRBY', amounts, 'sum', -left) end
  return tonumber(call('HGET', amounts, 'sum') or 0)
end

-- For how long it has to be waited until so many have left; of more than the most entries, until those have.
local function waitUs(times, amounts, missing, spanUs)
  local wait = spanUs
  for from = 0, most - 1, 100 do
    local oldest = call('ZRANGE', times, from, from + 99, 'WITHSCORES')
    for n = 1, #oldest, 2 do
      missing = missing - (call('HGET', amounts, oldest[n]) or 0)
      wait = math.max(oldest[n + 1] + spanUs - now, 0)
      if missing <= 0 then return wait end
    end
    if #oldest == 0 then return spanUs end
  end
  return wait
end

local takes = ARGV[1] == 'take'
local reply = { 1 }
for i = 1, #KEYS / 2 do
  local limit, windowUs = tonumber(ARGV[i * 2 + 2]), ARGV[i * 2 + 3] * 1000
  local sum = sumInside(KEYS[i * 2 - 1], KEYS[i * 2], windowUs)
  local missing = sum + tokens - limit
  if missing > 0 then reply[1] = 0 end
  reply[i * 2] = math.max(0, limit - sum)
  reply[i * 2 + 1] = missing > 0 and waitUs(KEYS[i * 2 - 1], KEYS[i * 2], missing, windowUs) or 0
end
for i = 1, #KEYS / 2 do
  local times, amounts = KEYS[i * 2 - 1], KEYS[i * 2]
  local windowMs = ARGV[i * 2 + 3]
  if takes and reply[1] == 1 then
    add(times, amounts, tokens, name, windowMs)
    local left = reply[i * 2] - tokens
    reply[i * 2] = left
    if left <= 0 then reply[i * 2 + 1] = waitUs(times, amounts, 1 - left, windowMs * 1000) end
  else
    -- A longer time span needs the entries for longer.
    call('PEXPIRE', times, windowMs + 1, 'GT')
    call('PEXPIRE', amounts, windowMs + 1, 'GT')
  end
end
return reply
`
