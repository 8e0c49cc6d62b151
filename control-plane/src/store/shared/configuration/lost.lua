-- Which rows are gone though no write after `known` removed them.
--
-- KEYS  what was removed, what is told no more of what was removed.
-- ARGV  `known`; the names of rows that are gone.
-- Reply the names of those that nobody removed; none where that is told no more.
local known = tonumber(ARGV[1])
if known < tonumber(redis.call('GET', KEYS[2]) or '0') then return {} end
local lost = {}
for i = 2, #ARGV do
  local at = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if not at or tonumber(at) <= known then lost[#lost + 1] = ARGV[i] end
end
return lost
