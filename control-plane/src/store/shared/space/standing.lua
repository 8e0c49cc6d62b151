-- What is in a space, and who uses it.
--
-- KEYS  the mark of an import, the revision of the configuration, who is there.
-- ARGV  for how many milliseconds somebody counts.
-- Reply the time in milliseconds; whether an import is not finished; the revision; how many control planes
--       are there, and when one said so last.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = redis.call('ZREVRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2] or '0'
return {
  now, redis.call('EXISTS', KEYS[1]), tonumber(redis.call('GET', KEYS[2]) or '0'),
  redis.call('ZCOUNT', KEYS[3], '(' .. (now - ARGV[1]), '+inf'), tonumber(last),
}
