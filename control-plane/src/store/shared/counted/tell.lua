-- Tells what a control plane counted, each sum as a whole in place of the one that it told before.
--
-- KEYS  who is there; the hashes.
-- ARGV  its name; '1' where it said before that it is there; the value for each hash.
-- Reply whether it was told: one that is known no more may have been added up with others that are gone.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZADD', KEYS[1], now, ARGV[1]) == 1 and ARGV[2] == '1' then
  redis.call('ZREM', KEYS[1], ARGV[1])
  return 0
end
for i = 2, #KEYS do redis.call('HSET', KEYS[i], ARGV[1], ARGV[i + 1]) end
return 1
