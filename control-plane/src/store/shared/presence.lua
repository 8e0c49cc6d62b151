-- Says that a control plane is there.
--
-- KEYS  who is there, by when each said so last.
-- ARGV  its name; for how many milliseconds it counts; for how many it is known; '1' where it said so
--       before.
-- Reply how many are there; or nothing, where it is known no more.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZADD', KEYS[1], now, ARGV[1]) == 1 and ARGV[4] == '1' then
  redis.call('ZREM', KEYS[1], ARGV[1])
  return false
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[3])
-- Nobody is there because it said so by a clock that was far ahead.
return redis.call('ZCOUNT', KEYS[1], '(' .. (now - ARGV[2]), now + ARGV[2])
