-- Begins an import into a space that nobody has used, or once more into one where an import was not
-- finished. The mark keeps control planes from starting with what is there until it is all there.
--
-- KEYS  the mark of an import, the revision of the configuration, its rows, who is there, whose turn it
--       is to write the configuration.
-- ARGV  the token of this import.
-- Reply the time in milliseconds, and whether an import was begun before; or nothing, where the space is
--       used.
local before = redis.call('EXISTS', KEYS[1])
if before == 0 and redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[4], KEYS[5]) > 0 then return {} end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[5])
local time = redis.call('TIME')
return { time[1] * 1000 + math.floor(time[2] / 1000), before }
