/**
 * The rate limit algorithm in Redis. It is one script, so that a decision over several limits is one round
 * trip and nothing comes between reading and taking.
 *
 * Each key is a list of the accepted times of the last time span, in microseconds by Redis's own clock (the
 * gateways' clocks need not agree), oldest first: about 10 bytes an entry. The work of a call does not grow
 * with N: it reads the two ends of the list, and every entry is written once and dropped once.
 *
 * KEYS  one list per limit, all with one hash tag
 * ARGV  'take' | 'peek' | 'return', then
 *         for take and peek   limit, windowMs        per key
 *         for return          the permit's time      once
 * Replies, for take and peek: { 1 or 0: allowed, the permit's time, then remaining, resetUs per key }.
 *
 * Errors cannot leave half a decision: everything is read before anything is taken.
 *
 * The clock may step back (an operator, a failover to a machine that is behind). Entries later than now
 * then count as now and are written down as such, so that the list stays in order and a limit that is reached
 * is free again after one time span, however far the clock was off. A permit taken before the step and
 * returned after it is no longer found by its time, and counts until its time span has passed (unless another
 * call was accepted in the very same microsecond of the repeated time: then that one's entry is removed).
 */
export const rateLimitScript = `
local call = redis.call
if ARGV[1] == 'return' then
  for i = 1, #KEYS do call('LREM', KEYS[i], -1, ARGV[2]) end
  return {}
end

local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
-- Not tostring(now): Lua prints numbers of this size with an exponent.
local stamp = string.format('%.0f', now)
local allowed = true
local reply = { 1, now }

for i = 1, #KEYS do
  local key, limit, windowUs = KEYS[i], tonumber(ARGV[i * 2]), ARGV[i * 2 + 1] * 1000
  local size, resetUs = 0, 0
  local newest = call('LINDEX', key, -1)
  if newest then
    -- Entries later than now count as now. The list is in order, so they are its last ones.
    local index, time = -1, tonumber(newest)
    while time and time > now do
      call('LSET', key, index, stamp)
      index = index - 1
      time = tonumber(call('LINDEX', key, index) or nil)
    end
    -- Entries older than the time span are dropped. The oldest one to stay is found by steps that double
    -- (usually the first one does), then halve.
    local edge = now - windowUs
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
    size = call('LLEN', key)
  end
  if size >= limit then
    allowed = false
    reply[1] = 0
    -- One more passes when fewer than limit are inside: when the limit-th newest is dropped.
    resetUs = limit == 0 and windowUs or call('LINDEX', key, -limit) + windowUs - now
  end
  reply[i * 2 + 1] = math.max(0, limit - size)
  reply[i * 2 + 2] = resetUs
end

for i = 1, #KEYS do
  -- One millisecond more, because Redis expires on whole ones.
  local limit, expiryMs = tonumber(ARGV[i * 2]), ARGV[i * 2 + 1] + 1
  if allowed and ARGV[1] == 'take' then
    local size = call('RPUSH', KEYS[i], stamp)
    call('PEXPIRE', KEYS[i], expiryMs)
    reply[i * 2 + 1] = limit - size
    if size == limit then
      reply[i * 2 + 2] = call('LINDEX', KEYS[i], 0) + ARGV[i * 2 + 1] * 1000 - now
    end
  else
    -- A longer time span needs the entries for longer.
    call('PEXPIRE', KEYS[i], expiryMs, 'GT')
  end
end
return reply
`
