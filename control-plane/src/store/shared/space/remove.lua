-- Removes what an import before left, if this import is still the one that is under way.
--
-- KEYS  the mark of an import; what is to be removed.
-- ARGV  the token of this import.
-- Reply whether it is under way.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if #KEYS > 1 then redis.call('UNLINK', unpack(KEYS, 2)) end
return 1
