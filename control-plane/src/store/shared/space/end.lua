-- Ends an import: control planes may start from now on.
--
-- KEYS  the mark of an import.
-- ARGV  the token of this import.
-- Reply whether it was under way until now.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
