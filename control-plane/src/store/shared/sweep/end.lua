-- Removes what can matter no more of the keys of a step, and says how far the steps came.
--
-- A bucket is as good as none once it is full: who is decided over finds a full one where there is none.
-- It stays for a while, until nobody is left who has not read the last write of its limit.
--
-- KEYS  how far the steps came; what is configured; the buckets; the hashes of what was counted.
-- ARGV  where to go on; for how many milliseconds a full bucket stays; how many buckets there are; for
--       each hash the row of whatever it is of.
-- Reply how many were removed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stays, buckets = tonumber(ARGV[2]), tonumber(ARGV[3])
local gone = {}
for i = 3, #KEYS do
  if i < buckets + 3 then
    local value = redis.call('MGET', KEYS[i])[1]
    -- Another format is of a later version.
    if value and #value == 65 and value:byte() == 1 then
      local _, _, _, at, n, b, w, hi = struct.unpack('<Bdddddddd', value)
      -- What doubles round here is far less than for how long it stays.
      if now - at > (b - hi) * w / n + stays then gone[#gone + 1] = KEYS[i] end
    end
  elseif not redis.call('HGET', KEYS[2], ARGV[i - buckets + 1]) then
    gone[#gone + 1] = KEYS[i]
  end
end
if #gone > 0 then redis.call('DEL', unpack(gone)) end
redis.call('SET', KEYS[1], ARGV[1])
return #gone
