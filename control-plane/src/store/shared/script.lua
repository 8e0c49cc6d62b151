-- The rule of limits, for everybody who shares this store: one call decides a batch of operations in
-- order, under one time, over all buckets that they touch.
--
-- A script's work is never undone halfway, so everything is read and judged first, and all writes
-- come last. The first of them is one that a server without memory, without replicas or without
-- the right to write refuses: then nothing was written.
--
-- Lua counts in doubles, which are exact up to 2^53. A balance is whole tokens (`hi`, negative when in
-- debt) and a rest (`lo`, in parts of a token, of which it has as many as its window `w` has
-- milliseconds, so that `n` tokens per window refill `n` parts a millisecond). Every product that could
-- pass 2^53 is made by `muldiv`; floor(a / b) and a % b are exact for integers below it.
--
-- KEYS  buckets, places, open requests by worker: as many of each as the body says.
-- ARGV  the time in milliseconds, or '' for that of the server; the body, as `wire.rs` writes it: one
--       list, which is read from its begin to its end.
-- Reply the time; a byte and a u16 for each operation (what became of it, and which of its
--       demands were charged); the buckets as they were found and as they are now; how many places
--       were taken before the operations, a double each; whether what a worker said was news, a byte
--       each.

local pack, unpack_from = struct.pack, struct.unpack
local char = string.char
local floor, min, max = math.floor, math.min, math.max
local call = redis.call

-- What bucket values begin with. Another one was written by a later version.
local FORMAT = 1
local VALUE = '<Bdddddddd'
local VALUE_LEN = 65
local ABSENT = string.rep('\0', VALUE_LEN)

-- How much refill a bucket can owe, where its window is not longer.
local DEBT_MS_MAX = 600000

-- For how long a place is a worker's that says nothing more.
local LEASE_MS = 60000

-- For how long the open requests of a worker are kept that asks nothing more: nobody waits for their
-- ends so long, and what they hold stands.
local OPEN_MS = 86400000

-- The time; the buckets, and which of them the script has to write.
local now
local buckets, is_changed = {}, {}

-- floor(a * b / c) and a * b % c, for integers up to 2^40 whose quotient is below 2^53: long
-- division, `b` in digits of 2^12.
local function muldiv(a, b, c)
  local aq, ar, q, r = floor(a / c), a % c, 0, 0
  for i = 3, 0, -1 do
    local t = r * 4096 + ar * (floor(b / 4096 ^ i) % 4096)
    q, r = q * 4096 + floor(t / c), t % c
  end
  return q + aq * b, r
end

-- What is above the capacity is lost.
local function set(bucket, hi, lo)
  if hi >= bucket.b then hi, lo = bucket.b, 0 end
  bucket.hi, bucket.lo = hi, lo
end

local function refill(bucket, to)
  local elapsed = to - bucket.at
  -- A clock that goes backward adds nothing, and pays nothing out again when it comes back.
  if elapsed <= 0 then return end
  bucket.at = to
  local n, w, lo = bucket.n, bucket.w, bucket.lo
  -- So many windows fill any bucket; more of them might not be exact.
  local windows = min(floor(elapsed / w), floor((bucket.b - bucket.hi) / n) + 1)
  local hi, rest = bucket.hi + n * windows, elapsed % w
  local product = n * rest
  -- Rounding keeps the order: a product that is below this after it is exact.
  if product < 9e15 then
    local t = product + lo
    return set(bucket, hi + floor(t / w), t % w)
  end
  local q, r = muldiv(n, rest, w)
  r = r + lo
  return set(bucket, hi + q + floor(r / w), r % w)
end

-- Puts other numbers in force at `since`: what is left keeps its share of the capacity, rounded down,
-- and a debt its tokens.
local function change(bucket, n, b, w, since)
  if n == bucket.n and b == bucket.b and w == bucket.w then return end
  refill(bucket, since)
  local hi, lo, b0, w0 = bucket.hi, bucket.lo, bucket.b, bucket.w
  if hi >= 0 and b ~= b0 then
    -- floor((hi * w0 + lo) * b / b0), in parts that fit.
    local q, r = muldiv(hi, b, b0)
    local q3, r3 = muldiv(r, w0, b0)
    local q4, r4 = muldiv(lo, b, w0)
    local q5, r5 = floor(q4 / b0), q4 % b0
    local q6, r6 = muldiv(r5, w0, b0)
    local u = q3 + q6 + floor(r4 / b0) + floor((r3 + r6 + r4 % b0) / b0)
    hi, lo = q + q5 + floor(u / w0), u % w0
  end
  if w ~= w0 then lo = muldiv(lo, w, w0) end
  bucket.n, bucket.b, bucket.w, bucket.hi, bucket.lo = n, b, w, hi, lo
end

-- How far down a charge can take a balance.
local function debt_floor(bucket)
  if bucket.w >= DEBT_MS_MAX then return -bucket.n, 0 end
  local q, r = muldiv(bucket.n, DEBT_MS_MAX, bucket.w)
  if r == 0 then return -q, 0 end
  return -q - 1, bucket.w - r
end

local function is_below(hi, lo, other_hi, other_lo)
  return hi < other_hi or hi == other_hi and lo < other_lo
end

-- Charges what is owed, down to the floor. What is below it already, since the limit was lowered,
-- stays where it is.
local function charge_further(index, tokens)
  local bucket = buckets[index]
  local hi, lo = bucket.hi - tokens, bucket.lo
  local floor_hi, floor_lo = debt_floor(bucket)
  if is_below(hi, lo, floor_hi, floor_lo) then
    if is_below(bucket.hi, bucket.lo, floor_hi, floor_lo) then return end
    hi, lo = floor_hi, floor_lo
  end
  bucket.hi, bucket.lo = hi, lo
  is_changed[index] = true
end

-- Gives tokens of a charge back, but no more than is sure to be missing: all of them under the same
-- numbers, after one change the smaller of the tokens and their share, and nothing after more.
local function give_back(index, tokens, revision, b0)
  local bucket = buckets[index]
  local changes = bucket.revision - revision
  if changes ~= 0 and changes ~= 1 then return end
  local hi, lo = tokens, 0
  if changes == 1 and bucket.b < b0 then
    local q, r = muldiv(tokens, bucket.b, b0)
    hi, lo = q, (muldiv(r, bucket.w, b0))
  end
  lo = lo + bucket.lo
  set(bucket, bucket.hi + hi + floor(lo / bucket.w), lo % bucket.w)
  is_changed[index] = true
end

local function full(epoch, revision, at, n, b, w)
  return { epoch = epoch, revision = revision, at = at, n = n, b = b, w = w, hi = b, lo = 0 }
end

local function read(value)
  local _, epoch, revision, at, n, b, w, hi, lo = unpack_from(VALUE, value)
  return { epoch = epoch, revision = revision, at = at, n = n, b = b, w = w, hi = hi, lo = lo }
end

-- Goes on under what the caller knows of the limit, and whether that was another one. In a later epoch
-- the bucket begins anew; what is older than the bucket's own is from somebody who has not read the
-- latest write, and does nothing.
local function follow(bucket, epoch, revision, since, n, b, w)
  if epoch > bucket.epoch then return full(epoch, revision, now, n, b, w), true end
  local is_later = epoch == bucket.epoch and revision > bucket.revision
  if is_later then
    change(bucket, n, b, w, since)
    bucket.revision = revision
  end
  refill(bucket, now)
  return bucket, is_later
end

-- This server may have lost what another one knew: of what it has and what was seen there the lower
-- balance is taken. Both follow what is told already.
local function merge(bucket, seen)
  if seen.epoch > bucket.epoch then return seen end
  -- Who says neither revision does not know since when the later one holds.
  local older, newer = bucket, seen
  if seen.revision < bucket.revision then older, newer = seen, bucket end
  change(older, newer.n, newer.b, newer.w, now)
  older.revision = newer.revision
  bucket.at = max(bucket.at, seen.at)
  if is_below(seen.hi, seen.lo, bucket.hi, bucket.lo) then
    bucket.hi, bucket.lo = seen.hi, seen.lo
  end
  return bucket
end

if ARGV[1] == '' then
  local time = call('TIME')
  now = time[1] * 1000 + floor(time[2] / 1000)
else
  now = tonumber(ARGV[1])
end

local body = cmsgpack.unpack(ARGV[2])
local bucket_count, place_count, worker_count, word_count, operation_count = unpack(body, 1, 5)
local pos = 6
local place_keys = bucket_count
local worker_keys = place_keys + place_count

-- Keys that another version wrote otherwise, or somebody else: nothing is done then.
local unreadable = {}

-- A hash's field without a name, in place of which `nothing` stands where it can't be read, and others.
local function fields_of(index, nothing, ...)
  local said = redis.pcall('HMGET', KEYS[index], '', ...)
  if said.err and not said.err:find('WRONGTYPE', 1, true) then error(said.err) end
  if said.err or said[1] and #said[1] ~= #nothing then
    unreadable[#unreadable + 1] = index
    return { nothing }
  end
  return said
end

-- The buckets, brought to this time under the numbers that hold.
local found = {}
if bucket_count > 0 then found = call('MGET', unpack(KEYS, 1, bucket_count)) end
for i = 1, bucket_count do
  local epoch, revision, since, n, b, w, was_seen = unpack(body, pos, pos + 6)
  pos = pos + 7
  local value, bucket = found[i], nil
  if value then
    if #value ~= VALUE_LEN or value:byte() ~= FORMAT then
      unreadable[#unreadable + 1] = i
    else
      bucket, is_changed[i] = follow(read(value), epoch, revision, since, n, b, w)
    end
  else
    found[i] = ABSENT
  end
  if was_seen then
    local seen = follow(read(was_seen), epoch, revision, since, n, b, w)
    if not bucket then
      bucket, is_changed[i] = seen, true
    elseif seen.epoch >= bucket.epoch then
      bucket, is_changed[i] = merge(bucket, seen), true
    end
  end
  buckets[i] = bucket or full(epoch, revision, now, n, b, w)
end

-- Places are told, never counted: a worker says how many it holds, whatever was said before, and what
-- was lost or said twice is put right by its next word. A word that is older than one that was heard
-- counts for nothing.
local places, words = {}, {}
for i = 1, place_count do
  places[i] = {
    key = KEYS[place_keys + i], max = body[pos], words = {}, workers = {},
    clamped = {}, gone = {},
  }
  pos = pos + 1
end
for i = 1, word_count do
  local index, number, held, worker = unpack(body, pos, pos + 3)
  pos = pos + 4
  local place = places[index]
  local word = { place = place, worker = worker, number = number, held = held, is_news = false }
  words[i] = word
  place.words[#place.words + 1] = word
  place.workers[#place.workers + 1] = worker
end

-- What a worker said of its places; nothing where that can't be read.
local function word_of(place, value)
  if #value == 24 then return unpack_from('<ddd', value) end
  place.is_damaged = true
  return -1, 0, 0
end

-- A field without a name has the sum of all that is held, and when the first lease ends. A lease that
-- ends later than one that begins now is by a clock that was set back since.
local function count_anew(place)
  place.taken, place.first_end = 0, now + LEASE_MS
  local fields = call('HGETALL', place.key)
  for i = 1, #fields, 2 do
    local worker = fields[i]
    if worker ~= '' then
      local number, held, lease_end = word_of(place, fields[i + 1])
      if lease_end <= now then
        place.gone[#place.gone + 1] = worker
      else
        if lease_end > now + LEASE_MS then
          lease_end = now + LEASE_MS
          place.clamped[worker] = pack('<ddd', number, held, lease_end)
        end
        place.taken = place.taken + held
        place.first_end = min(place.first_end, lease_end)
      end
    end
  end
end

for i = 1, place_count do
  local place = places[i]
  local said = fields_of(place_keys + i, pack('<dd', 0, now + LEASE_MS), unpack(place.workers))
  if said[1] then
    place.taken, place.first_end = unpack_from('<dd', said[1])
  end
  if not said[1] or place.first_end <= now or place.first_end > now + LEASE_MS then
    count_anew(place)
  end
  for j, word in ipairs(place.words) do
    local number, held, lease_end = -1, 0, 0
    if said[j + 1] then number, held, lease_end = word_of(place, said[j + 1]) end
    if lease_end <= now then number, held = -1, 0 end
    if word.number > number then
      word.is_news = true
      place.taken = place.taken - held + word.held
    end
  end
  place.taken_before = place.taken
  if place.is_damaged or not (place.taken >= 0 and place.taken < 2 ^ 53 and place.taken % 1 == 0) then
    unreadable[#unreadable + 1] = place_keys + i
  end
end

-- The requests that this call begins or ends, by worker: their names, whether each is open, and what is
-- to be remembered of those that it begins.
--
-- A field without a name has the number of the stream on which a worker came last to whoever asks for
-- it. What was asked on an earlier one and arrives only now is asked again on that.
local workers = {}
for i = 1, worker_count do
  local stream, count = body[pos], body[pos + 1]
  local first = pos + 2
  pos = first + count
  local worker = { first = first, count = count, is_open = {}, notes = {}, has_ended = {} }
  if count > 0 then
    local said = fields_of(worker_keys + i, pack('<d', 0), unpack(body, first, pos - 1))
    worker.has_gone = said[1] and unpack_from('<d', said[1]) > stream
    for j = 1, count do worker.is_open[j] = said[j + 1] ~= false end
  end
  workers[i] = worker
end

if #unreadable > 0 then
  return redis.error_reply('UNREADABLE ' .. table.concat(unreadable, ' ') .. ' cannot be read by this version')
end

local REFUSED, DONE, DONE_BEFORE, GONE = 0, 1, 2, 3

-- The demands of the request that is decided: of what, for how much, and whether that is watched.
local buckets_of, words_of, costs, is_watched = {}, {}, {}, {}

-- Whether there is what one demand asks for.
local function covers(i)
  local bucket = buckets_of[i]
  if bucket then return buckets[bucket].hi >= costs[i] end
  local word = words_of[i]
  return word.is_news and word.place.taken < word.place.max
end

local function take(i)
  local index = buckets_of[i]
  if index then
    local bucket = buckets[index]
    bucket.hi = bucket.hi - costs[i]
    is_changed[index] = true
  else
    local word = words_of[i]
    word.held, word.place.taken = word.held + 1, word.place.taken + 1
  end
end

-- All demands that are enforced are covered and charged, or nothing is. A watched one is charged where
-- it covers a request that is admitted, and left alone where it does not.
local function decide(demand_count)
  for i = 1, demand_count do
    if not is_watched[i] and not covers(i) then return false, 0 end
  end
  local charged, bit = 0, 1
  for i = 1, demand_count do
    if not is_watched[i] or covers(i) then
      take(i)
      charged = charged + bit
    end
    bit = bit * 2
  end
  return true, charged
end

local function run_decide()
  local demand_count = body[pos]
  pos = pos + 1
  for i = 1, demand_count do
    local kind, index = body[pos], body[pos + 1]
    costs[i], is_watched[i] = body[pos + 2], kind % 2 == 1
    pos = pos + 3
    if kind < 2 then
      buckets_of[i] = index
    else
      buckets_of[i], words_of[i] = nil, words[index]
    end
  end
  local worker, request, note = workers[body[pos]], body[pos + 1], body[pos + 2]
  pos = pos + 3
  if worker and worker.has_gone then return GONE, 0 end
  -- It was sent again, since nobody knew whether it had arrived.
  if worker and worker.is_open[request] then return DONE_BEFORE, 0 end
  local is_admitted, charged = decide(demand_count)
  if not is_admitted then return REFUSED, 0 end
  if worker then
    worker.is_open[request], worker.notes[request] = true, pack('<I2', charged) .. note
  end
  return DONE, charged
end

-- What an open request holds is corrected when it ends, and with that it is open no more: whoever
-- tells the same end again changes nothing.
local function run_end()
  local worker, request, correction_count = workers[body[pos]], body[pos + 1], body[pos + 2]
  pos = pos + 3
  local was_open = worker.is_open[request]
  if was_open then
    worker.is_open[request], worker.notes[request], worker.has_ended[request] = false, nil, true
  end
  for _ = 1, correction_count do
    local kind, bucket, tokens, epoch, revision, b0 = unpack(body, pos, pos + 5)
    pos = pos + 6
    -- What was charged in another epoch was charged to a bucket that is no more.
    if was_open and epoch == buckets[bucket].epoch then
      if kind == 0 then
        give_back(bucket, tokens, revision, b0)
      else
        charge_further(bucket, tokens)
      end
    end
  end
  return was_open and DONE or DONE_BEFORE, 0
end

local function run_charge()
  charge_further(body[pos], body[pos + 1])
  pos = pos + 2
  return DONE, 0
end

local run = { run_decide, run_end, run_charge }
local verdicts = {}
for _ = 1, operation_count do
  local kind = body[pos]
  pos = pos + 1
  local verdict, charged = run[kind]()
  local len = #verdicts
  verdicts[len + 1], verdicts[len + 2], verdicts[len + 3] = verdict, charged % 256, floor(charged / 256)
end

-- From here on everything is written.
local after, writes = {}, {}
for i = 1, bucket_count do
  local bucket = buckets[i]
  local value = pack(VALUE, FORMAT, bucket.epoch, bucket.revision, bucket.at,
    bucket.n, bucket.b, bucket.w, bucket.hi, bucket.lo)
  after[i] = value
  -- The time alone changes nothing: the next call refills as well from what is there.
  if is_changed[i] then
    writes[#writes + 1] = KEYS[i]
    writes[#writes + 1] = value
  end
end
if #writes > 0 then call('MSET', unpack(writes)) end

local taken = {}
for i = 1, place_count do
  local place = places[i]
  taken[i] = pack('<d', place.taken_before)
  local fields = { '', pack('<dd', place.taken, place.first_end) }
  for _, word in ipairs(place.words) do
    if word.is_news then
      fields[#fields + 1] = word.worker
      fields[#fields + 1] = pack('<ddd', word.number, word.held, now + LEASE_MS)
    end
  end
  -- There may be more workers than one command takes; what these say now comes after.
  for worker, value in pairs(place.clamped) do call('HSET', place.key, worker, value) end
  for _, worker in ipairs(place.gone) do call('HDEL', place.key, worker) end
  call('HSET', place.key, unpack(fields))
  -- Nobody says anything any more of the places of a limit that was deleted.
  call('PEXPIRE', place.key, 2 * LEASE_MS)
end
local news = {}
for i = 1, word_count do news[i] = words[i].is_news and '\1' or '\0' end

for i = 1, worker_count do
  local key, worker = KEYS[worker_keys + i], workers[i]
  local fields, gone = {}, {}
  for j = 1, worker.count do
    local name, note = body[worker.first + j - 1], worker.notes[j]
    if note then
      fields[#fields + 1] = name
      fields[#fields + 1] = note
    elseif worker.has_ended[j] then
      gone[#gone + 1] = name
    end
  end
  if #fields > 0 then
    call('HSET', key, unpack(fields))
    call('PEXPIRE', key, OPEN_MS)
  end
  if #gone > 0 then call('HDEL', key, unpack(gone)) end
end

return {
  now, char(unpack(verdicts)), table.concat(found), table.concat(after),
  table.concat(taken), table.concat(news),
}
