package store

import "github.com/qwenvoy/qwenvoy/native/redis"

// A response is one hash, so that it is there as a whole or not at all, whatever Redis
// evicts:
//
//	v version  s status  p previous  h flags and conversation  x cancelling
//	i input  o output  b object  w owner  n events  e:<number> event
//
// So is a conversation:
//
//	v version  o object  n next position  i:<position> item  d:<item id> position
//
// Unfinished responses stand in a sorted set by the end of their lease in ms, on Redis's
// clock. What a script answers: 0 done, or one of these.
const (
	answerNotFound = 1
	answerConflict = 2
	answerNoItem   = 3
	answerBusy     = 4
)

const prelude = `
local function finished(s) return s ~= 'queued' and s ~= 'in_progress' end
local function now()
	local t = redis.call('TIME')
	return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function expire(key, ttl)
	if tonumber(ttl) > 0 then redis.call('PEXPIRE', key, ttl) end
end
local function mine(key, owner)
	local r = redis.call('HMGET', key, 's', 'w')
	if not r[1] then return 1 end
	if finished(r[1]) or r[2] ~= owner then return 2 end
	return 0
end
-- adds pairs of item id and item, but for ids that are there.
local function add(key, ttl, from)
	local n = redis.call('HGET', key, 'n')
	if not n or not ARGV[from] then return end
	n = tonumber(n)
	for k = from, #ARGV, 2 do
		if redis.call('HSETNX', key, 'd:' .. ARGV[k], n) == 1 then
			redis.call('HSET', key, 'i:' .. n, ARGV[k + 1])
			n = n + 1
		end
	end
	redis.call('HSET', key, 'n', n)
	expire(key, ttl)
end
`

func script(text string) *redis.Script { return redis.NewScript(prelude + text) }

var (
	// KEYS: response, leases, conversation if any.
	// ARGV: ttl, s, p, h, i, o, b, owner or "", lease in ms, name, "1" if logged, pairs of items.
	insertScript = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 2 end
redis.call('HSET', KEYS[1], 'v', 1, 's', ARGV[2], 'p', ARGV[3], 'h', ARGV[4], 'i', ARGV[5], 'o', ARGV[6], 'b', ARGV[7])
if ARGV[8] ~= '' then
	redis.call('HSET', KEYS[1], 'w', ARGV[8])
	redis.call('ZADD', KEYS[2], now() + ARGV[9], ARGV[10])
end
if ARGV[11] == '1' then redis.call('HSET', KEYS[1], 'n', 0) end
expire(KEYS[1], ARGV[1])
if KEYS[3] then add(KEYS[3], ARGV[1], 12) end
return 0`)

	// KEYS: response, leases. ARGV: owner, lease in ms, name.
	renewScript = script(`
local r = mine(KEYS[1], ARGV[1])
if r == 0 then redis.call('ZADD', KEYS[2], now() + ARGV[2], ARGV[3]) end
return r`)

	// KEYS: response. ARGV: owner, channel, name, s, b.
	updateScript = script(`
local r = mine(KEYS[1], ARGV[1])
if r ~= 0 then return r end
redis.call('HSET', KEYS[1], 's', ARGV[4], 'b', ARGV[5])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 0`)

	// KEYS: response. ARGV: owner, channel, name, number of the first event, events.
	appendScript = script(`
local r = mine(KEYS[1], ARGV[1])
if r ~= 0 then return r end
local n = tonumber(redis.call('HGET', KEYS[1], 'n') or -1)
if n ~= tonumber(ARGV[4]) then return 2 end
for k = 5, #ARGV do
	redis.call('HSET', KEYS[1], 'e:' .. n, ARGV[k])
	n = n + 1
end
redis.call('HSET', KEYS[1], 'n', n)
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 0`)

	// KEYS: response, leases, conversation if any. ARGV: owner, channel, name, ttl, s, o, b,
	// number of the first event, how many, events, pairs of items.
	finishScript = script(`
local r = mine(KEYS[1], ARGV[1])
if r ~= 0 then return r end
local many = tonumber(ARGV[9])
if many > 0 then
	local n = tonumber(redis.call('HGET', KEYS[1], 'n') or -1)
	if n ~= tonumber(ARGV[8]) then return 2 end
	for k = 10, 9 + many do
		redis.call('HSET', KEYS[1], 'e:' .. n, ARGV[k])
		n = n + 1
	end
	redis.call('HSET', KEYS[1], 'n', n)
end
redis.call('HSET', KEYS[1], 's', ARGV[5], 'o', ARGV[6], 'b', ARGV[7])
redis.call('HDEL', KEYS[1], 'w')
redis.call('ZREM', KEYS[2], ARGV[3])
if KEYS[3] then add(KEYS[3], ARGV[4], 10 + many) end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 0`)

	// KEYS: response. ARGV: channel, name. Returns the head, or nothing.
	cancelScript = script(`
local r = redis.call('HMGET', KEYS[1], 's', 'p', 'h', 'x')
if not r[1] then return {} end
if not finished(r[1]) and not r[4] then
	redis.call('HSET', KEYS[1], 'x', '1')
	r[4] = '1'
	redis.call('PUBLISH', ARGV[1], ARGV[2])
end
return r`)

	// KEYS: response, leases. ARGV: channel, name.
	deleteScript = script(`
if redis.call('UNLINK', KEYS[1]) == 0 then return 1 end
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 0`)

	// KEYS: response. ARGV: from, max, max bytes. Returns status, whether these are all that
	// there are, events; or nothing.
	eventsScript = script(`
local r = redis.call('HMGET', KEYS[1], 's', 'n')
if not r[1] or not r[2] then return {} end
local n, at, size = tonumber(r[2]), tonumber(ARGV[1]), 0
local to = math.min(n, at + ARGV[2])
local out = {r[1], '0'}
while at < to and size < tonumber(ARGV[3]) do
	local v = redis.call('HGET', KEYS[1], 'e:' .. at)
	out[#out + 1] = v
	size = size + #v
	at = at + 1
end
if at >= n then out[2] = '1' end
return out`)

	// KEYS: first response. ARGV: what stands before an id in a key, first id, max, max
	// bytes. Returns turns from the first id back; one that is missing has an id only.
	walkScript = script(`
local out, size, id = {}, 0, ARGV[2]
while #out < tonumber(ARGV[3]) and size < tonumber(ARGV[4]) and id ~= '' do
	local r = redis.call('HMGET', ARGV[1] .. id, 's', 'p', 'h', 'x', 'i', 'o')
	if not r[1] then
		out[#out + 1] = {id}
		return out
	end
	out[#out + 1] = {id, r[1], r[2], r[3], r[4] or '', r[5], r[6]}
	size = size + #r[5] + #r[6]
	id = r[2]
end
return out`)

	// KEYS: leases. ARGV: what stands before a name in a key, owner, lease in ms, max.
	// Returns name, head and number of events of those that the owner has now.
	lapsedScript = script(`
local out, time = {}, now()
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', time), 'LIMIT', 0, ARGV[4])) do
	local key = ARGV[1] .. name
	local r = redis.call('HMGET', key, 's', 'p', 'h', 'x', 'n')
	if not r[1] or finished(r[1]) then
		redis.call('ZREM', KEYS[1], name)
	else
		redis.call('HSET', key, 'w', ARGV[2])
		redis.call('ZADD', KEYS[1], time + ARGV[3], name)
		out[#out + 1] = {name, r[1], r[2], r[3], r[4] or '', r[5] or '0'}
	end
end
return out`)

	// KEYS: conversation. ARGV: ttl, object, pairs of items.
	createConversationScript = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 2 end
redis.call('HSET', KEYS[1], 'v', 1, 'o', ARGV[2], 'n', 0)
add(KEYS[1], ARGV[1], 3)
expire(KEYS[1], ARGV[1])
return 0`)

	// KEYS: conversation. ARGV: ttl, object.
	updateConversationScript = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
redis.call('HSET', KEYS[1], 'o', ARGV[2])
expire(KEYS[1], ARGV[1])
return 0`)

	// KEYS: conversation, lock.
	deleteConversationScript = script(`
redis.call('DEL', KEYS[2])
if redis.call('UNLINK', KEYS[1]) == 0 then return 1 end
return 0`)

	// KEYS: conversation. ARGV: ttl, pairs of items.
	appendItemsScript = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
for k = 2, #ARGV, 2 do
	if redis.call('HEXISTS', KEYS[1], 'd:' .. ARGV[k]) == 1 then return 2 end
end
add(KEYS[1], ARGV[1], 2)
return 0`)

	// KEYS: conversation. ARGV: position (-1: the last), step (1 or -1), max items, max bytes.
	// Returns the next position of the conversation, that of the next call or -1, items; or
	// nothing.
	rangeScript = script(`
local n = tonumber(redis.call('HGET', KEYS[1], 'n') or -1)
if n < 0 then return {} end
local at, step, size, looked = tonumber(ARGV[1]), tonumber(ARGV[2]), 0, 0
if at < 0 or step < 0 and at >= n then at = n - 1 end
local out = {n, -1}
while at >= 0 and at < n do
	if #out - 2 >= tonumber(ARGV[3]) or size >= tonumber(ARGV[4]) or looked >= 5000 then
		out[2] = at
		return out
	end
	local v = redis.call('HGET', KEYS[1], 'i:' .. at)
	if v then
		out[#out + 1] = v
		size = size + #v
	end
	at = at + step
	looked = looked + 1
end
return out`)

	// KEYS: conversation. ARGV: item id, "1" to delete it, ttl. Returns position and item, or
	// a number.
	itemScript = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
local at = redis.call('HGET', KEYS[1], 'd:' .. ARGV[1])
if not at then return 3 end
local v = redis.call('HGET', KEYS[1], 'i:' .. at)
if ARGV[2] == '1' then
	redis.call('HDEL', KEYS[1], 'd:' .. ARGV[1], 'i:' .. at)
	expire(KEYS[1], ARGV[3])
end
return {at, v}`)

	// KEYS: conversation, lock. ARGV: owner, lease in ms.
	lockScript = script(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[1] then return 4 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 0`)

	// KEYS: lock. ARGV: owner.
	unlockScript = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0`)
)
