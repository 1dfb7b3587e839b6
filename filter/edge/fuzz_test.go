package edge

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// script is what a fuzzer makes a proxy, a client and an upstream do: a number for each decision.
type script struct{ left []byte }

func (s *script) next(below int) int {
	if len(s.left) == 0 {
		return 0
	}
	n := int(s.left[0]) % below
	s.left = s.left[1:]
	return n
}

// take cuts the next piece off b.
func (s *script) take(b *string) []byte {
	n := min(len(*b), 1<<s.next(12))
	piece := (*b)[:n]
	*b = (*b)[n:]
	return []byte(piece)
}

var (
	fuzzPaths = []string{chat, "/v1/messages", "/v1/responses", "/v1/completions", "/v1/messages/count_tokens", "/tokenize", "/v1/embeddings", "/v1/models", "/v1/nothing"}
	fuzzHeads = []Fields{
		{{":status", "200"}, {"content-type", "text/event-stream"}},
		{{":status", "200"}, {"content-type", "application/json"}},
		{{":status", "200"}, {"content-type", "text/event-stream"}, {"content-encoding", "gzip"}},
		{{":status", "200"}, {"content-type", "application/json"}, {"content-encoding", "br"}},
		{{":status", "429"}, {"content-type", "application/json"}, {"retry-after", "7"}},
		{{":status", "500"}, {"content-type", "text/plain"}},
		{{":status", "204"}},
		{{":status", "101"}},
	}
	fuzzFailures = []string{"no_healthy_upstream", "request_payload_too_large", "upstream_response_timeout", "rate_limited"}
)

// play runs callbacks as the script says, and then to their end. It tells whether the client's reply
// may be cut: by a client or proxy that gave up, or since it began before the request was read.
func play(p *proxy, s *script, body, reply string) (path string, mayCut bool) {
	path = fuzzPaths[s.next(len(fuzzPaths))]
	head := Fields{{":method", "POST"}, {":path", path}, {"content-type", "application/json"}, {"content-length", strconv.Itoa(len(body))}}
	if path == "/v1/models" {
		head = Fields{{":method", "GET"}, {":path", path}}
	}
	p.takeHead(&p.request, head, path == "/v1/models")
	replyHead := fuzzHeads[s.next(len(fuzzHeads))]
	for len(s.left) > 0 {
		switch s.next(8) {
		case 0, 1:
			p.takeBody(&p.request, s.take(&body), false)
		case 2:
			p.takeBody(&p.request, []byte(body), true)
			body = ""
		case 3:
			if p.request.sent && !p.reply.began {
				p.details, mayCut = "via_upstream", mayCut || !p.request.ended
				p.takeHead(&p.reply, replyHead, s.next(4) == 1)
			}
		case 4, 5:
			if p.reply.began {
				p.takeBody(&p.reply, s.take(&reply), false)
			}
		case 6:
			if p.reply.began && s.next(2) == 0 {
				p.takeTrailers(&p.reply)
			} else {
				p.takeBody(&p.request, []byte(body), false)
				p.takeTrailers(&p.request)
				body = ""
			}
		case 7:
			if p.reply.ended || p.reply.stopped || s.next(4) != 0 {
				continue
			}
			if s.next(2) == 0 {
				p.finish()
				return path, true
			}
			mayCut = mayCut || p.reply.sent
			p.fails(503, fuzzFailures[s.next(len(fuzzFailures))])
		}
	}
	p.takeBody(&p.request, []byte(body), true)
	if p.request.ended && !p.reply.began {
		p.details = "via_upstream"
		p.takeHead(&p.reply, replyHead, false)
	}
	if p.reply.began {
		p.takeBody(&p.reply, []byte(reply), true)
	}
	p.finish()
	return path, mayCut
}

// FuzzCallbacks holds, whatever comes in whatever order: nothing panics, the client gets exactly one reply, the
// request's body is rewritten before it goes on, and a stream ends once.
func FuzzCallbacks(f *testing.F) {
	messages := `{"model":"` + virtual + `","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`
	responses := `{"model":"` + virtual + `","stream":true,"input":"hi"}`
	for _, seed := range []struct {
		script         []byte
		request, reply string
	}{
		{[]byte{0, 0, 0}, question, answered}, {[]byte{1, 0, 0, 2, 3, 0, 4, 5, 6, 0}, streamed, events},
		{[]byte{0, 1, 0, 0, 5, 3, 0, 4, 4}, messages, events}, {[]byte{1, 2, 0, 2, 3, 0, 4, 9, 7, 0, 1, 2}, responses, events},
		{[]byte{0, 1, 1, 2}, messages, answered}, {[]byte{1, 2, 4, 2}, responses, `{"error":{"message":"full"}}`},
		{[]byte{0, 0, 0, 0, 3, 3, 0, 2}, `{"model":`, events}, {[]byte{3, 7, 1}, "", `{"data":[{"id":"` + served + `"}]}`},
		{[]byte{0, 0, 0, 2, 3, 0, 4, 11, 7, 0, 1, 0}, streamed, events}, {[]byte{28, 6, 5, 0, 3, 6, 1}, question, answered},
		{[]byte("081C0&"), "0", "0"}, // a reply that comes before the request
	} {
		f.Add(seed.script, seed.request, seed.reply)
	}
	holds, not := newPlugin(f, `,"envoy":{"allow_on_headers_stop_iteration":true}`), newPlugin(f, "")
	f.Fuzz(func(t *testing.T, decisions []byte, body, reply string) {
		s := &script{decisions}
		kind := s.next(32)
		p := newProxy(t, []*Plugin{not, holds}[kind&1])
		p.hidesAnswers, p.appendsNothing = kind&2 != 0, kind&4 != 0
		p.replacesNoRequest = kind&24 == 8
		path, mayCut := play(p, s, body, reply)

		if p.counts[PanicCount] != 0 {
			t.Fatalf("a callback panicked: %q", p.lines)
		}
		if p.heads > 1 || !mayCut && (p.heads != 1 || !p.reply.ended || p.reply.reset) {
			t.Fatalf("client got %d replies, ended %t, reset %t", p.heads, p.reply.ended, p.reply.reset)
		}
		if passes := path == "/v1/embeddings" || path == "/v1/nothing"; p.request.ended && !passes {
			if model := gjson.GetBytes(p.request.body, "model"); model.Exists() && model.String() != served {
				t.Fatalf("upstream got the body %q", p.request.body)
			}
		}
		streams := strings.HasPrefix(p.reply.head.Get("content-type"), "text/event-stream")
		if !streams || !p.reply.ended || p.counts[CutCount] != 0 {
			return
		}
		if n := strings.Count("\n"+string(p.reply.body), "\nevent: message_start\n"); n > 1 {
			t.Fatalf("client's stream begins %d times:\n%s", n, p.reply.body)
		}
		if n := streamEnds(path, string(p.reply.body)); n != 1 && slices.Contains(fuzzPaths[:3], path) {
			t.Fatalf("client's stream ends %d times:\n%s", n, p.reply.body)
		}
	})
}

// streamEnds counts the events that end a stream of a path's dialect.
func streamEnds(path, stream string) (n int) {
	ends := map[string][]string{
		chat:            {"data: [DONE]"},
		"/v1/messages":  {"event: message_stop", "event: error"},
		"/v1/responses": {"event: response.completed", "event: response.incomplete", "event: response.failed", "event: error"},
	}[path]
	for line := range strings.Lines(stream) {
		if slices.Contains(ends, strings.TrimSuffix(line, "\n")) {
			n++
		}
	}
	return n
}
