-- Writes rows, and who does it, if it is still the caller's turn and nobody wrote since.
--
-- KEYS  whose turn it is, the revision, the rows, what moved, what was removed, what is told no more of
--       what was removed, who changed what.
-- ARGV  whose turn it should be, the revision that the caller knows, that of this write, how many
--       names of removed rows are kept, how many entries of who changed what; the entry of this write, ''
--       for none; then a name and a row for each, '' for one to be removed.
-- Reply whether it was written.
local turn, known, revision = ARGV[1], ARGV[2], ARGV[3]
local kept, entries, entry = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
if redis.call('GET', KEYS[1]) ~= turn or (redis.call('GET', KEYS[2]) or '0') ~= known then
  return 0
end
-- The first write is one that a server without memory refuses. Who does it comes first: where something
-- else stands in its place, nothing is done.
if entry ~= '' then
  redis.call('ZADD', KEYS[7], revision, entry)
  local surplus = redis.call('ZCARD', KEYS[7]) - entries
  if surplus > 0 then redis.call('ZREMRANGEBYRANK', KEYS[7], 0, surplus - 1) end
end
redis.call('SET', KEYS[2], revision)
for i = 7, #ARGV, 2 do
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
