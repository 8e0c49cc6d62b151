-- Writes a part of an import, if it is still the one that is under way.
--
-- KEYS  the mark of an import; the buckets; the tallies.
-- ARGV  the token of this import, how many buckets there are, under which name the tallies are told; a
--       value for each bucket, and then for each of the tallies.
-- Reply whether it is under way.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local buckets = tonumber(ARGV[2])
for i = 2, #KEYS do
  local value = ARGV[i + 2]
  if i <= buckets + 1 then
    redis.call('SET', KEYS[i], value)
  else
    redis.call('HSET', KEYS[i], ARGV[3], value)
  end
end
return 1
