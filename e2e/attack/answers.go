package main

import (
	"fmt"
	"strings"
)

// An ending is what a model server does behind what it said.
type ending int

const (
	closes ending = iota // the connection
	resets
	stalls
)

// A serverFault is what a model server answers instead of what it should, byte for byte.
type serverFault struct {
	name, text string
	ending     ending
	// fine: a reply may be made of it all the same.
	fine bool
	// passes: it is no reply of the dialect at all.
	passes bool
}

const (
	jsonHead   = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
	eventsHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
	chatWhole  = `{"id":"c","object":"chat.completion","created":1,"model":"` + served + `","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"text":"Hello.","finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
)

func withLength(body string) string {
	return fmt.Sprintf("content-length: %d\r\n\r\n%s", len(body), body)
}

func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

func chatEvent(content, finish string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"` + served + `","choices":[{"index":0,"delta":{"content":"` +
		content + `"},"text":"` + content + `","finish_reason":` + finish + "}]}\n\n"
}

// serverFaultTable is what a model server does wrong, to any request.
func serverFaultTable() []serverFault {
	first := chatEvent("first", "null")
	all := []serverFault{
		{name: "gone at once"},
		{name: "reset at once", ending: resets},
		{name: "silent", ending: stalls},
		{name: "gone in the status line", text: "HTTP/1.1 20"},
		{name: "gone in the head", text: "HTTP/1.1 200 OK\r\ncontent-ty"},
		{name: "silent in the head", text: "HTTP/1.1 200 OK\r\ncontent-ty", ending: stalls},
		{name: "not HTTP", text: "SSH-2.0-OpenSSH_9.9\r\n"},
		{name: "a TLS alert", text: "\x15\x03\x01\x00\x02\x02\x46"},
		{name: "HTTP/9", text: "HTTP/9.1 200 OK\r\n\r\n", passes: true},
		{name: "status 0", text: "HTTP/1.1 000 x\r\ncontent-length: 0\r\n\r\n"},
		{name: "status 42", text: "HTTP/1.1 042 x\r\ncontent-length: 0\r\n\r\n"},
		{name: "status 999", text: "HTTP/1.1 999 x\r\ncontent-length: 0\r\n\r\n"},
		{name: "status 1000", text: "HTTP/1.1 1000 x\r\ncontent-length: 0\r\n\r\n"},
		{name: "status -1", text: "HTTP/1.1 -01 x\r\ncontent-length: 0\r\n\r\n"},
		{name: "a switch that nobody asked for", text: "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nxx"},
		{name: "a hint and gone", text: "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"},
		{name: "hints without end", text: strings.Repeat("HTTP/1.1 103 Early Hints\r\nx-a: b\r\n\r\n", 2000)},
		{name: "204", text: "HTTP/1.1 204 No Content\r\n\r\n", fine: true},
		{name: "304", text: "HTTP/1.1 304 Not Modified\r\n\r\n", fine: true},
		{name: "a redirect", text: "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"},
		{name: "a head without end", text: "HTTP/1.1 200 OK\r\n" + strings.Repeat("x-a: "+strings.Repeat("b", 1000)+"\r\n", 4000)},
		{name: "two lengths", text: jsonHead + "content-length: 5\r\ncontent-length: 6\r\n\r\n{}    "},
		{name: "a length below 0", text: jsonHead + "content-length: -5\r\n\r\n{}"},
		{name: "a length over 64 bits", text: jsonHead + "content-length: 99999999999999999999\r\n\r\n{}"},
		{name: "a coding that is none", text: jsonHead + "transfer-encoding: xchunked\r\n\r\n{}"},
		{name: "a chunk that is none", text: jsonHead + "transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"},
		{name: "an empty body", text: jsonHead + withLength("")},
		{name: "no JSON", text: jsonHead + withLength("<html>")},
		{name: "half a JSON", text: jsonHead + withLength(chatWhole[:80])},
		{name: "a JSON that is cut", text: jsonHead + "content-length: 999\r\n\r\n" + chatWhole},
		{name: "a JSON that stalls", text: jsonHead + "content-length: 999\r\n\r\n" + chatWhole[:80], ending: stalls},
		{name: "chunks of JSON that are cut", text: jsonHead + "transfer-encoding: chunked\r\n\r\n" + chunk(chatWhole[:80])},
		{name: "null", text: jsonHead + withLength("null")},
		{name: "an array", text: jsonHead + withLength("[]")},
		{name: "an empty object", text: jsonHead + withLength("{}"), fine: true},
		{name: "no choices", text: jsonHead + withLength(`{"id":"c","object":"chat.completion","model":"`+served+`","choices":[]}`), fine: true},
		{name: "choices of another kind", text: jsonHead + withLength(`{"id":"c","object":"chat.completion","model":"`+served+`","choices":"none"}`), fine: true},
		{name: "a message of another kind", text: jsonHead + withLength(`{"id":"c","model":"`+served+`","choices":[{"index":0,"message":17,"finish_reason":"stop"}]}`), fine: true},
		{name: "an error with 200", text: jsonHead + withLength(`{"error":{"message":"m","type":"t","code":500}}`)},
		{name: "JSON that is nested deep", text: jsonHead + withLength(`{"choices":`+strings.Repeat("[", 50_000)+strings.Repeat("]", 50_000)+"}"), fine: true},
		{name: "bytes that are not UTF-8", text: jsonHead + withLength(strings.Replace(chatWhole, "Hello.", "\xff\xfe", 1)), fine: true},
		{name: "said to be gzip", text: jsonHead + "content-encoding: gzip\r\n" + withLength(chatWhole)},
		{name: "gzip that is cut", text: jsonHead + "content-encoding: gzip\r\n" + withLength(packed(chatWhole)[:60])},
		{name: "gzip with a wrong sum", text: jsonHead + "content-encoding: gzip\r\n" + withLength(spoilt(packed(chatWhole)))},
		{name: "a bomb", text: jsonHead + "content-encoding: gzip\r\n" + withLength(packed(strings.Repeat(" ", 300<<20)+chatWhole))},
		{name: "br", text: jsonHead + "content-encoding: br\r\n" + withLength(chatWhole)},
		{name: "500 in plain text", text: "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\n" + withLength("oops")},
		{name: "500 that is cut", text: "HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"error\":"},
		{name: "429", text: "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-type: application/json\r\n" + withLength(`{"error":{"message":"m"}}`)},
		{name: "503 without a body", text: "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"},
		{name: "a stream and a JSON in it", text: eventsHead + chunk(chatWhole) + "0\r\n\r\n"},
		{name: "an empty stream", text: eventsHead + "0\r\n\r\n"},
		{name: "a stream that is cut at once", text: eventsHead},
		{name: "a stream that is cut between events", text: eventsHead + chunk(first)},
		{name: "a stream that is reset", text: eventsHead + chunk(first), ending: resets},
		{name: "a stream that is cut in an event", text: eventsHead + chunk(first) + chunk(first[:40])},
		{name: "a stream that is cut in a chunk", text: eventsHead + chunk(first) + "fff\r\ndata: {"},
		{name: "a stream that stalls", text: eventsHead + chunk(first), ending: stalls},
		{name: "a stream that ends too early", text: eventsHead + chunk(first) + "0\r\n\r\n"},
		{name: "a stream of no JSON", text: eventsHead + chunk("data: <html>\n\n") + chunk("data: [DONE]\n\n") + "0\r\n\r\n"},
		{name: "an error in a stream", text: eventsHead + chunk(first) + chunk("data: {\"error\":{\"message\":\"m\",\"code\":500}}\n\n") + "0\r\n\r\n"},
		{name: "an event over the limit", text: eventsHead + chunk("data: "+strings.Repeat("x", 11<<20)) + "0\r\n\r\n"},
		{name: "a line without end", text: eventsHead + strings.Repeat(chunk(strings.Repeat("x", 64<<10)), 400)},
		{name: "choices of another kind in a stream", text: eventsHead + chunk("data: {\"choices\":17}\n\n") + chunk("data: [DONE]\n\n") + "0\r\n\r\n", fine: true},
		{name: "a stream that goes on behind its end", text: eventsHead + chunk(first+chatEvent("", `"stop"`)+"data: [DONE]\n\n") + strings.Repeat(chunk(first), 1000), fine: true},
		{name: "a stream without an end mark", text: eventsHead + chunk(first+chatEvent("", `"stop"`)) + "0\r\n\r\n", fine: true},
		{name: "carriage returns alone", text: eventsHead + chunk(strings.ReplaceAll(first+chatEvent("", `"stop"`)+"data: [DONE]\n\n", "\n", "\r")) + "0\r\n\r\n", fine: true},
		{name: "a compressed stream that is none", text: strings.TrimSuffix(eventsHead, "\r\n") + "content-encoding: gzip\r\n\r\n" + chunk(first) + "0\r\n\r\n"},
		{name: "a compressed stream that grows", text: strings.TrimSuffix(eventsHead, "\r\n") + "content-encoding: gzip\r\n\r\n" + chunk(packed(strings.Repeat(first, 200_000))) + "0\r\n\r\n"},
	}
	return all
}
