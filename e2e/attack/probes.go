package main

import (
	"fmt"
	"strings"
)

// A probe is the bytes of a connection. %ID% in them is its number.
type probe struct {
	name, text string
	// bad: whatever is answered is a refusal.
	bad bool
	// waits: more is announced than comes, so that Envoy, which has time, answers nothing.
	waits bool
	// lax: Envoy's own parser takes it, before any filter; what it makes of it is not judged.
	lax bool
}

// hidden is the request that must reach nobody.
const hidden = "POST /smuggled HTTP/1.1\r\nhost: localhost\r\nx-probe: %ID%\r\ncontent-length: 2\r\n\r\n{}"

const probeHead = "host: localhost\r\ncontent-type: application/json\r\nx-probe: %ID%\r\n"

// lengths are heads' ends and bodies that two readers may take for different lengths. %BODY% is
// a good body, %LEN% its length, %HEX% that in hexadecimal.
var lengths = []probe{
	// The binary reads chunks, as RFC 9112 has it, and Envoy refuses. What follows is no part of either.
	{name: "length and chunks", text: "content-length: %LEN%\r\ntransfer-encoding: chunked\r\n\r\n%HEX%\r\n%BODY%\r\n0\r\n\r\n"},
	{name: "chunks and length", text: "transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n%HEX%\r\n%BODY%\r\n0\r\n\r\n"},
	{name: "two lengths", text: "content-length: %LEN%\r\ncontent-length: 2\r\n\r\n%BODY%" + hidden, bad: true},
	{name: "a list of lengths", text: "content-length: %LEN%, 2\r\n\r\n%BODY%" + hidden, bad: true},
	{name: "length with a plus", text: "content-length: +%LEN%\r\n\r\n%BODY%" + hidden, bad: true},
	{name: "length below 0", text: "content-length: -1\r\n\r\n%BODY%" + hidden, bad: true},
	{name: "length in hexadecimal", text: "content-length: 0x%HEX%\r\n\r\n%BODY%" + hidden, bad: true},
	{name: "length with a point", text: "content-length: %LEN%.0\r\n\r\n%BODY%" + hidden, bad: true},
	{name: "length with a blank within", text: "content-length: 1 0\r\n\r\n%BODY%" + hidden, bad: true},
	{name: "length of 2^64 and one", text: "content-length: 18446744073709551617\r\n\r\n%BODY%" + hidden, bad: true},
	{name: "length with a letter", text: "content-length: %LEN%a\r\n\r\n%BODY%" + hidden, bad: true},
	{name: "length in a folded line", text: "content-length:\r\n %LEN%\r\n\r\n%BODY%"},
	{name: "blank before the colon", text: "content-length : %LEN%\r\n\r\n%BODY%" + hidden, bad: true},
	{name: "no length", text: "\r\n%BODY%" + hidden},
	{name: "chunked, twice", text: "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n%HEX%\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "chunked, identity", text: "transfer-encoding: chunked, identity\r\n\r\n%HEX%\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "identity, and a length", text: "transfer-encoding: identity\r\ncontent-length: %LEN%\r\n\r\n%BODY%" + hidden, bad: true},
	{name: "xchunked", text: "transfer-encoding: xchunked\r\n\r\n%HEX%\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "chunked in quotes", text: "transfer-encoding: \"chunked\"\r\n\r\n%HEX%\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "chunked behind a vertical tab", text: "transfer-encoding: \x0bchunked\r\n\r\n%HEX%\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "chunked, blank before the colon", text: "transfer-encoding : chunked\r\n\r\n%HEX%\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "gzip, chunked", text: "transfer-encoding: gzip, chunked\r\n\r\n%HEX%\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "a chunk's size of 0x", text: "transfer-encoding: chunked\r\n\r\n0x%HEX%\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "a chunk's size with a plus", text: "transfer-encoding: chunked\r\n\r\n+%HEX%\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "a chunk's size below 0", text: "transfer-encoding: chunked\r\n\r\n-1\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "a chunk's size over 64 bits", text: "transfer-encoding: chunked\r\n\r\n1000000000000000%HEX%\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "no chunk's size", text: "transfer-encoding: chunked\r\n\r\n\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true},
	{name: "a chunk longer than its size", text: "transfer-encoding: chunked\r\n\r\n2\r\n%BODY%\r\n0\r\n\r\n" + hidden, bad: true, lax: true},
	{name: "a chunk's extension", text: "transfer-encoding: chunked\r\n\r\n%HEX%;a=b\r\n%BODY%\r\n0\r\n\r\n"},
	{name: "a chunk's long extension", text: "transfer-encoding: chunked\r\n\r\n%HEX%;" + strings.Repeat("a", 100_000) + "\r\n%BODY%\r\n0\r\n\r\n"},
	{name: "a line feed alone in an extension", text: "transfer-encoding: chunked\r\n\r\n%HEX%;\n%BODY%\r\n0\r\n\r\n"},
	{name: "a trailer that names a length", text: "transfer-encoding: chunked\r\n\r\n%HEX%\r\n%BODY%\r\n0\r\ncontent-length: 999\r\nhost: evil\r\n\r\n"},
	{name: "a large trailer", text: "transfer-encoding: chunked\r\n\r\n%HEX%\r\n%BODY%\r\n0\r\n" + strings.Repeat("x-a: "+strings.Repeat("b", 1000)+"\r\n", 300) + "\r\n"},
	{name: "a body that is cut", text: "content-length: 99999\r\n\r\n%BODY%", bad: true, waits: true},
	{name: "a body that never begins", text: "content-length: 99999\r\n\r\n", bad: true, waits: true},
	{name: "chunks that are cut", text: "transfer-encoding: chunked\r\n\r\n%HEX%\r\n{", bad: true, waits: true},
	{name: "chunks without an end", text: "transfer-encoding: chunked\r\n\r\n%HEX%\r\n%BODY%\r\n", bad: true, waits: true},
}

// heads are oddities of a request line and of header lines, before a good body.
var heads = []probe{
	{name: "a line feed in a header", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + "x-a: b\nx-smuggled: 1\r\n"},
	{name: "a carriage return in a header", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + "x-a: b\rx-smuggled: 1\r\n", bad: true, lax: true},
	{name: "a NUL in a header", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + "x-a: b\x00c\r\n", bad: true},
	{name: "a header without a colon", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + "x-a\r\n", bad: true},
	{name: "a header without a name", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + ": a\r\n", bad: true},
	{name: "a blank in a name", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + "x a: b\r\n", bad: true},
	{name: "a blank before the first header", text: "POST %PATH% HTTP/1.1\r\n x-a: b\r\n" + probeHead, bad: true},
	{name: "no host", text: "POST %PATH% HTTP/1.1\r\ncontent-type: application/json\r\nx-probe: %ID%\r\n", bad: true},
	{name: "two hosts", text: "POST %PATH% HTTP/1.1\r\nhost: evil\r\n" + probeHead, bad: true, lax: true},
	{name: "a path in the host", text: "POST %PATH% HTTP/1.1\r\nhost: localhost/smuggled\r\ncontent-type: application/json\r\nx-probe: %ID%\r\n", bad: true},
	{name: "HTTP/3.9", text: "POST %PATH% HTTP/3.9\r\n" + probeHead, bad: true},
	{name: "HTTP/1.10", text: "POST %PATH% HTTP/1.10\r\n" + probeHead, bad: true},
	{name: "http/1.1 in small letters", text: "POST %PATH% http/1.1\r\n" + probeHead, bad: true},
	{name: "two blanks in the request line", text: "POST  %PATH% HTTP/1.1\r\n" + probeHead, bad: true, lax: true},
	{name: "a tab in the request line", text: "POST\t%PATH%\tHTTP/1.1\r\n" + probeHead, bad: true, lax: true},
	{name: "a blank in the target", text: "POST %PATH% /smuggled HTTP/1.1\r\n" + probeHead, bad: true},
	{name: "a fragment", text: "POST %PATH%#/smuggled HTTP/1.1\r\n" + probeHead, bad: true},
	{name: "a control character in the target", text: "POST %PATH%\x01 HTTP/1.1\r\n" + probeHead, bad: true},
	{name: "a carriage return in the target", text: "POST %PATH%\rx HTTP/1.1\r\n" + probeHead, bad: true},
	{name: "a broken escape", text: "POST %PATH%%zz HTTP/1.1\r\n" + probeHead, lax: true},
	{name: "an escaped line end in the query", text: "POST %PATH%?a=%0d%0ax-smuggled:%201%0d%0a HTTP/1.1\r\n" + probeHead},
	{name: "an escaped line end in the path", text: "POST %PATH%%0d%0ax-smuggled:1 HTTP/1.1\r\n" + probeHead},
	{name: "a long target", text: "POST %PATH%?" + strings.Repeat("a", 2<<20) + " HTTP/1.1\r\n" + probeHead, bad: true},
	{name: "a long header", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + "x-a: " + strings.Repeat("b", 2<<20) + "\r\n", bad: true},
	{name: "many headers", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + strings.Repeat("x-a: b\r\n", 200_000), bad: true},
	{name: "an odd method", text: "P{ST %PATH% HTTP/1.1\r\n" + probeHead, bad: true},
	{name: "CONNECT", text: "CONNECT localhost:1 HTTP/1.1\r\n" + probeHead, bad: true},
	{name: "TRACE", text: "TRACE %PATH% HTTP/1.1\r\n" + probeHead + "x-secret: reflected\r\n"},
	{name: "a whole URL of another host", text: "POST http://evil%PATH% HTTP/1.1\r\n" + probeHead},
	{name: "connection names what frames", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + "connection: content-length, transfer-encoding, x-probe\r\n"},
	{name: "h2c", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"},
	{name: "an expectation that nobody knows", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + "expect: smuggled\r\n"},
	{name: "a method in a header", text: "POST %PATH% HTTP/1.1\r\n" + probeHead + "x-http-method-override: DELETE\r\n"},
}

// noise is what is no HTTP/1 at all.
var noise = []probe{
	{name: "nothing but line ends", text: "\r\n\r\n\r\n\r\n", bad: true, waits: true},
	{name: "a TLS handshake", text: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 500), bad: true},
	{name: "HTTP/0.9", text: "GET /v1/models\r\n\r\n", bad: true},
	{name: "HTTP/2 with broken frames", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + strings.Repeat("\xff", 100), bad: true, waits: true},
	{name: "HTTP/2 without settings", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x04\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41", bad: true, waits: true},
	{name: "SSH", text: "SSH-2.0-OpenSSH_9.9\r\n", bad: true, waits: true},
}

// quotes are texts that a reply may name or quote: none may begin a header of it.
var quotes = []string{"a\r\nx-smuggled: 1", "a\nx-smuggled: 1", "a\rx-smuggled: 1", "a\r\n\r\nHTTP/1.1 200 OK\r\nx-smuggled: 1\r\n\r\n", "\u010d\u010ax-smuggled: 1", "a\x00b", "<script>alert(1)</script>", strings.Repeat("long", 50_000)}

// reflections are bodies that have a text named in a reply, its headers included.
var reflections = map[string]string{
	"/v1/chat/completions":      `{"model":%s,"messages":[{"role":"user","content":"hi"}]}`,
	"/v1/chat/completions?a":    `{"model":"` + virtual + `","messages":[{"role":%s,"content":"hi"}]}`,
	"/v1/responses":             `{"model":"` + virtual + `","input":"hi","store":false,"tools":[{"type":%s,"name":"x"}]}`,
	"/v1/responses?a":           `{"model":"` + virtual + `","input":[{"type":%s}],"store":false}`,
	"/v1/messages":              `{"model":"` + virtual + `","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"web_search_20250305","name":%s}]}`,
	"/v1/messages/count_tokens": `{"model":%s,"messages":[{"role":"user","content":"hi"}]}`,
	"/tokenize":                 `{"model":%s,"prompt":"hi"}`,
}

// probed are paths that are read, and one that is passed, with a good body.
var probed = map[string]string{
	"/v1/chat/completions": `{"model":"` + virtual + `","messages":[{"role":"user","content":"hi"}]}`,
	"/v1/messages":         `{"model":"` + virtual + `","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`,
	"/v1/responses":        `{"model":"` + virtual + `","input":"hi","store":false}`,
	"/v1/embeddings":       `{"model":"m","input":"hi"}`,
}

// probes is the whole table, for each path in turn.
func probes() (all []probe) {
	add := func(p probe, path, text, body string) {
		text = strings.NewReplacer("%PATH%", path, "%BODY%", body, "%LEN%", fmt.Sprint(len(body)), "%HEX%", fmt.Sprintf("%x", len(body)), "%ID%", fmt.Sprint(len(all))).Replace(text)
		all = append(all, probe{name: strings.TrimSpace(path + " " + p.name), text: text, bad: p.bad, waits: p.waits, lax: p.lax})
	}
	for _, path := range sorted(probed) {
		for _, p := range lengths {
			add(p, path, "POST %PATH% HTTP/1.1\r\n"+probeHead+p.text, probed[path])
		}
		for _, p := range heads {
			add(p, path, p.text+"content-length: %LEN%\r\n\r\n%BODY%", probed[path])
		}
	}
	for _, path := range sorted(reflections) {
		for i, q := range quotes {
			body := fmt.Sprintf(reflections[path], quote(q))
			add(probe{name: fmt.Sprintf("quoted %d", i)}, path, "POST %PATH% HTTP/1.1\r\n"+probeHead+"content-length: %LEN%\r\n\r\n%BODY%", body)
		}
	}
	for _, p := range noise {
		add(p, "", p.text, "")
	}
	return all
}
