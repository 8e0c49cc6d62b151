-- Begins a turn, if it is nobody's, and no import of another one is under way.
--
-- KEYS  whose turn it is, the mark of an import.
-- ARGV  who wants it, and for how many milliseconds at most; the token of the caller's own import.
-- Reply the time in milliseconds, or how many milliseconds the other turn lasts at most, negative; or
--       nothing, while another one imports.
local import = redis.call('GET', KEYS[2])
if import and import ~= ARGV[3] then return false end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
return -math.max(redis.call('PTTL', KEYS[1]), 1)
