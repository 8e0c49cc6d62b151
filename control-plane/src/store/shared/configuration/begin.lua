-- Begins a turn, if it is nobody's.
--
-- KEYS  whose turn it is.
-- ARGV  who wants it, and for how many milliseconds at most.
-- Reply the time in milliseconds, or how many milliseconds the other turn lasts at most, negative.
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
return -math.max(redis.call('PTTL', KEYS[1]), 1)
