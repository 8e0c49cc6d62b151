-- Begins a step through the keys, where none was begun for a while.
--
-- KEYS  whose turn it is; how far the steps came.
-- ARGV  for how many milliseconds nobody begins another one.
-- Reply where to go on, which is at the beginning where that is not known; or nothing.
if not redis.call('SET', KEYS[1], '', 'NX', 'PX', ARGV[1]) then return false end
local came = redis.pcall('GET', KEYS[2])
return type(came) == 'string' and came:match('^%d+$') or '0'
