-- Keep what a sender has done for one end point, if the sender still has the end point's lease.
--
-- KEYS  lease, state (hash), attempts (list, newest first)
-- ARGV  token, lease (ms), attempts kept, F, then F times field and value, then attempts, oldest first
-- Returns 1; 0, and nothing is changed, if somebody else has the lease.

if redis.call("GET", KEYS[1]) ~= ARGV[1] then
  return 0
end
local fields = tonumber(ARGV[4])
redis.call("PEXPIRE", KEYS[1], ARGV[2])
for i = 0, fields - 1 do
  redis.call("HSET", KEYS[2], ARGV[5 + 2 * i], ARGV[6 + 2 * i])
end
local first = 5 + 2 * fields
for i = first, #ARGV do
  redis.call("LPUSH", KEYS[3], ARGV[i])
end
if #ARGV >= first then
  redis.call("LTRIM", KEYS[3], 0, tonumber(ARGV[3]) - 1)
end
return 1
