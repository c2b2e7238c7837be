-- Replace a value, if it still carries the token that the writer knows.
--
-- KEYS  the value
-- ARGV  first and last byte of the token in it, token expected ("" = there is no value), the new value
-- Returns 1 if it was replaced, 0 if it carries another token

if redis.call("GETRANGE", KEYS[1], ARGV[1], ARGV[2]) ~= ARGV[3] then
    return 0
end
redis.call("SET", KEYS[1], ARGV[4])
return 1
