/**
 * The rate limit algorithm in Redis. It is one script, so that a decision over several limits is one round
 * trip and nothing comes between reading and taking.
 *
 * Each limit has a list of the accepted times of the last time span, in microseconds by Redis's own clock (the
 * gateways' clocks need not agree), oldest first: about 10 bytes an entry. The work of a call does not grow
 * with N: it reads the two ends of the list, and every entry is written once and dropped once.
 *
 * A second list has the permits that gateways have prefetched and not accounted for (prefetched-permits.ts), each by the time
 * at which it was taken. Such a permit may be spent for `usableUs` after that, so it counts for that much longer than a
 * time span, whatever becomes of its gateway. When the gateway accounts for it, it leaves this list, and if it was spent
 * enters the other one: it counts from then for a time span. So it counts at every moment at which its call does.
 *
 * KEYS  two lists per limit, of accepted times and of prefetched permits, all with one hash tag
 * ARGV  'take' | 'peek' | 'account' | 'return', then
 *         for take, peek, account   how many permits to prefetch beside the one, at most; usableUs; of the prefetched permits
 *                                   that are accounted for: their time, how many there were, how many were spent;
 *                                   then limit, windowMs per limit
 *         for return                the permit's time
 * Replies, for take and peek: { 1 or 0: allowed, the permit's time, permits prefetched, then remaining, resetUs per limit }.
 *
 * Permits are prefetched only where no limit is used by half with them, and no more than a tenth of any limit is prefetched and
 * not accounted for, whoever took it: another key of the account, or a gateway that died.
 *
 * Errors cannot leave half a decision: everything is read before anything is taken. What became of prefetched permits is written
 * limit by limit, and is right for each of them alone.
 *
 * The clock may step back (an operator, a failover to a machine that is behind). Entries later than now
 * then count as now and are written down as such, so that the list stays in order and a limit that is reached
 * is free again after one time span, however far the clock was off. A permit taken before the step and
 * returned or accounted for after it is no longer found by its time, and counts until its time span has passed (unless
 * another call was accepted in the very same microsecond of the repeated time: then that one's entry is removed).
 */
export const rateLimitScript = `
local call = redis.call
if ARGV[1] == 'return' then
  for i = 1, #KEYS, 2 do call('LREM', KEYS[i], -1, ARGV[2]) end
  return {}
end

local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
-- Not tostring(now): Lua prints numbers of this size with an exponent.
local stamp = string.format('%.0f', now)

-- Drops what is older than the time span, and returns how many are left.
local function sizeInside(key, spanUs)
  local newest = call('LINDEX', key, -1)
  if not newest then return 0 end
  -- Entries later than now count as now. The list is in order, so they are its last ones.
  local index, time = -1, tonumber(newest)
  while time and time > now do
    call('LSET', key, index, stamp)
    index = index - 1
    time = tonumber(call('LINDEX', key, index) or nil)
  end
  -- Entries older than the time span are dropped. The oldest one to stay is found by steps that double
  -- (usually the first one does), then halve.
  local edge = now - spanUs
  if tonumber(call('LINDEX', key, 0)) <= edge then
    local outside, inside = 0, 1
    time = tonumber(call('LINDEX', key, inside) or nil)
    while time and time <= edge do
      outside, inside = inside, inside * 2
      time = tonumber(call('LINDEX', key, inside) or nil)
    end
    while inside - outside > 1 do
      local middle = math.floor((outside + inside) / 2)
      time = tonumber(call('LINDEX', key, middle) or nil)
      if time and time <= edge then outside = middle else inside = middle end
    end
    call('LTRIM', key, inside, -1)
  end
  return call('LLEN', key)
end

local function add(key, count)
  local times = {}
  for n = 1, count do times[n] = stamp end
  call('RPUSH', key, unpack(times))
end

local more, usableUs = tonumber(ARGV[2]), tonumber(ARGV[3])
local accounted, spent = tonumber(ARGV[5]), tonumber(ARGV[6])
local takes = ARGV[1] == 'take'
local allowed = true
local reply = { 1, now, 0 }

for i = 1, #KEYS / 2 do
  local accepted, taken = KEYS[i * 2 - 1], KEYS[i * 2]
  local limit, windowMs = tonumber(ARGV[i * 2 + 5]), ARGV[i * 2 + 6]
  local windowUs = windowMs * 1000
  local prefetched, size = sizeInside(taken, windowUs + usableUs), sizeInside(accepted, windowUs)
  if spent > 0 then
    add(accepted, spent)
    size = size + spent
  end
  if accounted > 0 and prefetched > 0 then prefetched = prefetched - call('LREM', taken, -accounted, ARGV[4]) end
  local used, resetUs = size + prefetched, 0
  if used >= limit then
    allowed = false
    reply[1] = 0
    -- One more passes when fewer than limit are inside: when the one is dropped that leaves as many. Of those
    -- prefetched only the gateway knows whether they will be given back.
    local inside = limit - prefetched
    resetUs = inside > 0 and call('LINDEX', accepted, -inside) + windowUs - now or windowUs + usableUs
  end
  more = math.min(more, math.floor(limit / 10) - prefetched)
  if (used + 1 + more) * 2 > limit then more = 0 end
  reply[i * 2 + 2] = math.max(0, limit - used)
  reply[i * 2 + 3] = resetUs
end

for i = 1, #KEYS / 2 do
  local accepted, taken = KEYS[i * 2 - 1], KEYS[i * 2]
  -- One millisecond more, because Redis expires on whole ones.
  local windowMs = ARGV[i * 2 + 6]
  local expiryMs = windowMs + 1
  if allowed and takes then
    add(accepted, 1)
    call('PEXPIRE', accepted, expiryMs)
    local left = reply[i * 2 + 2] - 1
    reply[i * 2 + 2] = left
    if left == 0 then reply[i * 2 + 3] = call('LINDEX', accepted, 0) + windowMs * 1000 - now end
    if more > 0 then
      add(taken, more)
      call('PEXPIRE', taken, expiryMs + math.ceil(usableUs / 1000))
    end
  elseif spent > 0 then
    call('PEXPIRE', accepted, expiryMs)
  else
    -- A longer time span needs the entries for longer.
    call('PEXPIRE', accepted, expiryMs, 'GT')
  end
end
if allowed and takes then reply[3] = math.max(0, more) end
return reply
`
