-- Reads how buckets and places stand, all at one time, and writes nothing.
--
-- KEYS  buckets, then places.
-- ARGV  how many of the keys are buckets.
-- Reply the time in Unix milliseconds; the buckets as they are stored, '' for one that is not there; how
--       many places are taken of each, by workers whose leases have not ended.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bucket_count = tonumber(ARGV[1])

local buckets = {}
if bucket_count > 0 then buckets = redis.call('MGET', unpack(KEYS, 1, bucket_count)) end
for i = 1, bucket_count do buckets[i] = buckets[i] or '' end

local taken = {}
for i = bucket_count + 1, #KEYS do
  local sum = 0
  local fields = redis.call('HGETALL', KEYS[i])
  for j = 1, #fields, 2 do
    -- The field without a name has the sum of all, as of the last call that took or gave back.
    if fields[j] ~= '' then
      local _, held, lease_end = struct.unpack('<ddd', fields[j + 1])
      if lease_end > now then sum = sum + held end
    end
  end
  taken[#taken + 1] = sum
end

return { now, buckets, taken }
