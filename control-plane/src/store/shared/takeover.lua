-- A worker comes on another stream: whoever has that takes over what it has open, and what is still on
-- its way from the streams before is not decided any more.
--
-- KEYS  with whom the worker is; its open requests.
-- ARGV  the number of its stream, as a double; who has that; for how many milliseconds each key is kept.
-- Reply nothing, if it has come on a later one already; else with whom it was before, and what it has
--       open, by names. Of a key that cannot be read, that alone.
local before = redis.pcall('GET', KEYS[1])
if type(before) == 'table' then return redis.error_reply('UNREADABLE 1 cannot be read') end
local newest = redis.pcall('HGET', KEYS[2], '')
if type(newest) == 'table' or newest and #newest ~= 8 then
  return redis.error_reply('UNREADABLE 2 cannot be read')
end
if newest and struct.unpack('<d', newest) > struct.unpack('<d', ARGV[1]) then return false end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('HSET', KEYS[2], '', ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return { before or '', redis.call('HGETALL', KEYS[2]) }
