-- Ends a turn, if it is still the caller's.
--
-- KEYS  whose turn it is.
-- ARGV  whose it should be.
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
