-- Save a lane, all of it or nothing, if it still carries the token that the saver loaded.
--
-- Redis runs a script alone, but does not undo what it wrote when it fails half-way. So everything that could fail
-- is checked before the first write, and the first write is one that Redis refuses when it must not write (out of
-- memory, read-only replica, disk trouble): it asks that question only until a script has written.
-- Runs on Redis 6.2 and later, so no "#!lua" line; that also keeps out-of-memory to the rule above.
--
-- KEYS  lane, outbox, names, Z sorted sets (the first is "due"), N keys to set, D keys to delete
-- ARGV  expected token, new token, header, outbox, Z, N, D,
--       for each sorted set: number of members to set, number to remove,
--       for each sorted set: score, member, ... to set, then members to remove,
--       N values
-- Returns {"saved" | "already" | "fenced" | "broken", earliest score of "due" or false, token found or what is wrong}
--
-- "names" is the set of the suffixes of the lane's values and sorted sets: with it a lane can be listed without looking
-- at every key of the server.
--
-- Cost, in microseconds of Redis's CPU for each changed customer, 500 customers of 600 bytes a save (Redis 7.0.15, one
-- core of a busy 2-core machine, lowest of 150 saves, variants taken in turns; without / with append-only file):
--   this script 4.1 / 4.3; 0.6 / 0.9 more for a customer's first save; 4.6 / 5.2 more for a customer whose due time
--   changes in a set of 40,000
--   SET one by one in place of MSET 0.5 more; TYPE of every key 0.9 more (left to the loader, which asks only about
--   keys that seem absent); all checks of this script together 0.3; keeping the names 0.2
--   one hash per lane 0.6 less, but a key of a gigabyte stops a cluster when its slot moves
--   a bare MSET 1.4 / 2.3: the rest is what it takes to bring arguments into Lua, which hashes every byte of them

local call = redis.call
local FIXED_KEYS, FIXED = 3, 7
-- Lua's unpack ends near 8,000 values.
local CHUNK = 2000

local function broken(what)
  return {"broken", false, what}
end

local function count(text)
  return text and string.find(text, "^%d+$") and tonumber(text)
end

local expected, token = ARGV[1], ARGV[2]
local sets, values, deletes = count(ARGV[5]), count(ARGV[6]), count(ARGV[7])
if not (sets and values and deletes) or sets < 1 then
  return broken("the save says no numbers of sorted sets, values and deletions")
end
if #KEYS ~= FIXED_KEYS + sets + values + deletes then
  return broken("the save names " .. #KEYS .. " keys, not the number it says")
end
if not token or token == "" or token == expected then
  return broken("the save has no token of its own")
end

local lane, outbox, names = KEYS[1], KEYS[2], KEYS[3]
local due = KEYS[FIXED_KEYS + 1]
local function holds(key, kind)
  local found = call("TYPE", key).ok
  return found == kind or found == "none"
end
if not holds(lane, "hash") then return broken(lane .. " is not a hash") end
if not holds(outbox, "string") then return broken(outbox .. " is not a string") end
if not holds(names, "set") then return broken(names .. " is not a set") end
for s = FIXED_KEYS + 1, FIXED_KEYS + sets do
  if not holds(KEYS[s], "zset") then return broken(KEYS[s] .. " is not a sorted set") end
end

local function next_due()
  return call("ZRANGE", due, 0, 0, "WITHSCORES")[2] or false
end

local found = call("HGET", lane, "token") or ""
if found == token then return {"already", next_due(), found} end
if found ~= expected then return {"fenced", false, found} end

-- Each sorted set's stretch of ARGV: where it begins, how many arguments set, how many members are removed.
local stretches = {}
local at = FIXED + 2 * sets
for s = 1, sets do
  local adds, removes = count(ARGV[FIXED + 2 * s - 1]), count(ARGV[FIXED + 2 * s])
  if not (adds and removes) then return broken("the save says no numbers of members") end
  stretches[s] = {at, 2 * adds, removes}
  at = at + 2 * adds + removes
end
local base = at
if #ARGV ~= base + values then
  return broken("the save has " .. #ARGV .. " arguments, not the number it says")
end
for s = 1, sets do
  local first = stretches[s][1]
  for i = first + 1, first + stretches[s][2], 2 do
    if not string.find(ARGV[i], "^%-?%d+$") then return broken("a score is not a whole number") end
  end
end
if redis.acl_check_cmd then
  -- A right that is missing would otherwise be found half-way (Redis 7; before, nothing can ask).
  local allowed = redis.acl_check_cmd("HSET", lane, "token", token)
    and redis.acl_check_cmd("SET", outbox, "")
    and redis.acl_check_cmd("MSET", outbox, "")
    and redis.acl_check_cmd("DEL", outbox)
    and redis.acl_check_cmd("SADD", names, "")
    and redis.acl_check_cmd("SREM", names, "")
    and redis.acl_check_cmd("ZADD", due, "0", "")
    and redis.acl_check_cmd("ZREM", due, "")
  if not allowed then
    return redis.error_reply("NOPERM a save needs HSET, SET, MSET, DEL, SADD, SREM, ZADD and ZREM")
  end
end

local prefix = #lane - #"lane"
local function suffix(key)
  return string.sub(key, prefix + 1)
end
local first_key = FIXED_KEYS + sets
local fresh = {}
for i = first_key + 1, first_key + values, CHUNK do
  local last = math.min(i + CHUNK - 1, first_key + values)
  -- Nearly always all of them are there; only otherwise is it worth asking which are not.
  if call("EXISTS", unpack(KEYS, i, last)) <= last - i then
    for j = i, last do
      if call("EXISTS", KEYS[j]) == 0 then fresh[#fresh + 1] = suffix(KEYS[j]) end
    end
  end
end
for s = 1, sets do
  if stretches[s][2] > 0 then fresh[#fresh + 1] = suffix(KEYS[FIXED_KEYS + s]) end
end

-- From here to the last line the lane says that it is half saved: nobody sees that, unless Redis keeps half of this.
-- It does when its append-only file ends in the midst of this script's writes: a start leaves their MULTI open in
-- the file, and the start after that runs what stands behind it together with the next save's (6.2 and 7.0).
call("HSET", lane, "token", "restoring:half a save:" .. token)
call("SET", outbox, ARGV[4])
for i = 1, #fresh, CHUNK do
  call("SADD", names, unpack(fresh, i, math.min(i + CHUNK - 1, #fresh)))
end
for i = 1, values, CHUNK / 2 do
  local pairs_, n = {}, 0
  for j = i, math.min(i + CHUNK / 2 - 1, values) do
    pairs_[n + 1] = KEYS[first_key + j]
    pairs_[n + 2] = ARGV[base + j]
    n = n + 2
  end
  call("MSET", unpack(pairs_, 1, n))
end
local last_key = first_key + values + deletes
for i = first_key + values + 1, last_key, CHUNK do
  local last, gone = math.min(i + CHUNK - 1, last_key), {}
  for j = i, last do gone[#gone + 1] = suffix(KEYS[j]) end
  call("DEL", unpack(KEYS, i, last))
  call("SREM", names, unpack(gone))
end
for s = 1, sets do
  local first, adds, removes = stretches[s][1], stretches[s][2], stretches[s][3]
  for i = first + 1, first + adds, CHUNK do
    call("ZADD", KEYS[FIXED_KEYS + s], unpack(ARGV, i, math.min(i + CHUNK - 1, first + adds)))
  end
  local last = first + adds + removes
  for i = first + adds + 1, last, CHUNK do
    call("ZREM", KEYS[FIXED_KEYS + s], unpack(ARGV, i, math.min(i + CHUNK - 1, last)))
  end
end
call("HSET", lane, "token", token, "header", ARGV[3])
return {"saved", next_due(), token}
