-- Asks as one client or as many in turn, and ends with one line of JSON.
-- Arguments: the beginning of the clients' ids, how many there are, and the key of the one, if it has one.

local requests = {}
local last = 0

function init(args)
  if args[3] then
    wrk.headers["Authorization"] = "Bearer " .. args[3]
  end
  for number = 1, tonumber(args[2]) do
    wrk.headers["X-Client-ID"] = args[1] .. "-" .. number
    wrk.headers["X-Token-Estimate"] = "100"
    requests[number] = wrk.format("GET", "/v1/models")
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"error_statuses":%d,"socket_errors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
