-- Puts one sum in place of what several told who are gone, if it is still what they told.
--
-- KEYS  who is there; the hash.
-- ARGV  under which name the sum stands; the sum; a name and what was told under it, for each.
-- Reply whether it was put there.
-- A sum that is there already is the first of what is added up.
if ARGV[3] ~= ARGV[1] and redis.call('HGET', KEYS[2], ARGV[1]) then return 0 end
for i = 3, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[i]) ~= ARGV[i + 1] then return 0 end
  -- Whoever is known may tell more.
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then return 0 end
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
for i = 3, #ARGV, 2 do
  if ARGV[i] ~= ARGV[1] then redis.call('HDEL', KEYS[2], ARGV[i]) end
end
return 1
