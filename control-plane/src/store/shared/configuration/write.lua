-- Writes rows, if it is still the caller's turn and nobody wrote since.
--
-- KEYS  whose turn it is, the revision, the rows, what moved, what was removed, what is told no more of
--       what was removed.
-- ARGV  whose turn it should be, the revision that the caller knows, that of this write, how many
--       names of removed rows are kept; then a name and a row for each, '' for one to be removed.
-- Reply whether it was written.
local turn, known, revision, kept = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('GET', KEYS[1]) ~= turn or (redis.call('GET', KEYS[2]) or '0') ~= known then
  return 0
end
-- The first write is one that a server without memory refuses.
redis.call('SET', KEYS[2], revision)
for i = 5, #ARGV, 2 do
  local name, row = ARGV[i], ARGV[i + 1]
  if row == '' then
    redis.call('HDEL', KEYS[3], name)
    redis.call('ZREM', KEYS[4], name)
    redis.call('ZADD', KEYS[5], revision, name)
  else
    redis.call('HSET', KEYS[3], name, row)
    redis.call('ZADD', KEYS[4], revision, name)
    redis.call('ZREM', KEYS[5], name)
  end
end
-- Whoever was away for so long reads everything.
local surplus = redis.call('ZCARD', KEYS[5]) - kept
if surplus > 0 then
  local last = redis.call('ZRANGE', KEYS[5], surplus - 1, surplus - 1, 'WITHSCORES')
  redis.call('ZREMRANGEBYRANK', KEYS[5], 0, surplus - 1)
  redis.call('SET', KEYS[6], last[2])
end
return 1
