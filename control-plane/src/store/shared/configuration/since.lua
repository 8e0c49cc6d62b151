-- What was written after `known`, by everybody.
--
-- KEYS  the revision, the rows, what moved, what was removed, what is told no more of what was removed.
-- ARGV  `known`, or '-' where nothing but the revision is asked for; how many rows are told one by one;
--       how many rows there were at `known`.
-- Reply the newest revision; where it is another one than `known`, or there are not as many rows: whether
--       all has to be read anew (1), or (0) each row with its name and its bytes, and each that was
--       removed with its name and its revision.
local newest = redis.call('GET', KEYS[1]) or '0'
if ARGV[1] == '-' then return { newest } end
if newest == ARGV[1] then
  -- Rows that come and go without a write are somebody else's doing.
  if redis.call('HLEN', KEYS[2]) == tonumber(ARGV[3]) then return { newest } end
  return { newest, 1 }
end

local known, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local forgotten = tonumber(redis.call('GET', KEYS[5]) or '0')
local later = '(' .. ARGV[1]
-- A store that was lost, or another one, may be behind what is known.
if known < forgotten or known > tonumber(newest) then return { newest, 1 } end
if redis.call('ZCOUNT', KEYS[3], later, '+inf') + redis.call('ZCOUNT', KEYS[4], later, '+inf') > most then
  return { newest, 1 }
end
local rows = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], later, '+inf')) do
  rows[#rows + 1], rows[#rows + 2] = name, redis.call('HGET', KEYS[2], name)
end
local removed = redis.call('ZRANGEBYSCORE', KEYS[4], later, '+inf', 'WITHSCORES')
return { newest, 0, rows, removed }
