-- What wrk has seen, as one line for the driver.
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("seen %d %d %d %f %f %f %d %d %d %d %d\n",
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
