-- A worker comes on another stream: whoever has that takes over what it has open, and what is still on
-- its way from the streams before is not decided any more.
--
-- KEYS  with whom the worker is; its open requests.
-- ARGV  the number of its stream, as a double; who has that; for how many milliseconds each key is kept.
-- Reply nothing, if it has come on a later one already; else with whom it was before, and what it has
--       open, by names.
local newest = redis.call('HGET', KEYS[2], '')
if newest and struct.unpack('<d', newest) > struct.unpack('<d', ARGV[1]) then return false end
local before = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('HSET', KEYS[2], '', ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return { before or '', redis.call('HGETALL', KEYS[2]) }
