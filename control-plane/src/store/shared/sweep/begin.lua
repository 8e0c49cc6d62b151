-- Begins a step through the keys, where none was begun for a while.
--
-- KEYS  whose turn it is; how far the steps came.
-- ARGV  for how many milliseconds nobody begins another one.
-- Reply where to go on; or nothing.
if not redis.call('SET', KEYS[1], '', 'NX', 'PX', ARGV[1]) then return false end
return redis.call('GET', KEYS[2]) or '0'
