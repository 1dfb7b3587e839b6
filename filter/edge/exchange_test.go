package edge

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/access"
)

const (
	served  = "Qwen/Qwen3.5-397B-A17B-FP8"
	virtual = "qwen3.5-thinking-coding"

	question = `{"model":"` + virtual + `","messages":[{"role":"user","content":"Grüße"}]}`
	streamed = `{"model":"` + virtual + `","stream":true,"messages":[{"role":"user","content":"Grüße"}]}`
	answered = `{"id":"c","object":"chat.completion","model":"` + served + `","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`
	start  = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"` + served + `","choices":[{"index":0,"delta":`
	events = start + `{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n" +
		start + `{"content":"Grüße"},"finish_reason":null}]}` + "\n\n" +
		start + `{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
)

func configuration(more string) []byte {
	return []byte(`{"upstreams":[{"name":"local","kind":"vllm","model":"` + served + `"}]` + more + `}`)
}

// newPlugin is a plugin whose clock stands still and whose ids repeat.
func newPlugin(t testing.TB, more string) *Plugin {
	t.Helper()
	p, err := NewPlugin(configuration(more))
	if err != nil {
		t.Fatal(err)
	}
	p.clock = func() int64 { return 1_700_000_000 }
	p.random = func() uint64 { return 0x1234_5678_9abc_def0 }
	return p
}

// bothKinds runs a test on a proxy that holds heads and on one that doesn't.
func bothKinds(t *testing.T, more string, test func(t *testing.T, fresh func() *proxy)) {
	t.Helper()
	for _, holds := range []bool{false, true} {
		t.Run(fmt.Sprintf("holds heads %t", holds), func(t *testing.T) {
			p := newPlugin(t, more+`,"envoy":{"allow_on_headers_stop_iteration":`+strconv.FormatBool(holds)+`}`)
			test(t, func() *proxy { return newProxy(t, p) })
		})
	}
}

func post(path, body string) Fields {
	return Fields{{":method", "POST"}, {":path", path}, {":authority", "qwenvoy.test"},
		{"content-type", "application/json"}, {"content-length", strconv.Itoa(len(body))}, {"accept-encoding", "gzip"}}
}

var (
	whole200  = Fields{{":status", "200"}, {"content-type", "application/json"}, {"content-length", strconv.Itoa(len(answered))}}
	stream200 = Fields{{":status", "200"}, {"content-type", "text/event-stream"}}
)

const chat = "/v1/chat/completions"

// cuts are ways in which a body can be cut; the last piece carries the end mark.
func cuts(body string) map[string][]string {
	return map[string][]string{
		"one piece":         {body},
		"end mark alone":    {body, ""},
		"byte by byte":      append(strings.Split(body, ""), ""),
		"empty piece first": {"", body},
	}
}

func TestBodiesAreRewrittenHoweverTheyAreCut(t *testing.T) {
	bothKinds(t, "", func(t *testing.T, fresh func() *proxy) {
		for name, request := range cuts(question) {
			reply := cuts(answered)[name]
			p := fresh().send(post(chat, question), request...).receive(whole200, reply...)
			if got := gjson.GetBytes(p.request.body, "model").String(); got != served || !p.request.ended {
				t.Errorf("%s: upstream got model %q, ended %t", name, got, p.request.ended)
			}
			if got := gjson.Get(p.wantReply(200), "model").String(); got != virtual {
				t.Errorf("%s: client got model %q", name, got)
			}
			if (p.reply.head.Get("content-length") != "") == p.holdsNoHeads || (p.request.head.Get("content-length") != "") == p.holdsNoHeads {
				t.Errorf("%s: lengths %q and %q", name, p.request.head.Get("content-length"), p.reply.head.Get("content-length"))
			}
		}
	})
}

func TestTrailersEndABody(t *testing.T) {
	bothKinds(t, "", func(t *testing.T, fresh func() *proxy) {
		p := fresh()
		p.takeHead(&p.request, post(chat, question), false)
		p.takeBody(&p.request, []byte(question), false)
		p.takeTrailers(&p.request)
		p.takeHead(&p.reply, whole200, false)
		p.takeBody(&p.reply, []byte(answered), false)
		p.takeTrailers(&p.reply)
		p.finish()
		if gjson.GetBytes(p.request.body, "model").String() != served || gjson.Get(p.wantReply(200), "model").String() != virtual {
			t.Errorf("upstream got %s, client %s", p.request.body, p.reply.body)
		}
	})
}

func TestStreamIsTheSameHoweverItIsCut(t *testing.T) {
	bothKinds(t, "", func(t *testing.T, fresh func() *proxy) {
		want := fresh().send(post(chat, streamed), streamed).receive(stream200, events).wantReply(200)
		if strings.Contains(want, served) || strings.Count(want, "data: ") != 4 || !strings.HasSuffix(want, "data: [DONE]\n\n") {
			t.Fatalf("uncut, the client gets\n%s", want)
		}
		for i := range len(events) {
			for _, pieces := range [][]string{{events[:i], events[i:]}, {events[:i], events[i:], ""}} {
				if got := fresh().send(post(chat, streamed), streamed).receive(stream200, pieces...).wantReply(200); got != want {
					t.Fatalf("cut at %d, the client gets\n%s\nwant\n%s", i, got, want)
				}
			}
		}
	})
}

func TestStreamCutShortEndsByItsGrammar(t *testing.T) {
	bothKinds(t, "", func(t *testing.T, fresh func() *proxy) {
		got := fresh().send(post(chat, streamed), streamed).receive(stream200, events[:len(start)+80], "").wantReply(200)
		if !strings.HasSuffix(got, "data: [DONE]\n\n") || !strings.Contains(got, `"error"`) {
			t.Errorf("client got\n%s", got)
		}
	})
}

// A stream that ends with trailers is completed where the proxy still takes bytes, and counted
// as cut where it doesn't. None is needed when the upstream's stream ended by its grammar.
func TestEndOfAStreamWithTrailersIsTheHostsToTake(t *testing.T) {
	for _, test := range []struct {
		body   string
		counts int
	}{{events, 0}, {events[:len(events)-len("data: [DONE]\n\n")], 1}} {
		p := newProxy(t, newPlugin(t, ""))
		p.send(post(chat, streamed), streamed)
		p.takeHead(&p.reply, stream200, false)
		p.takeBody(&p.reply, []byte(test.body), false)
		p.takeTrailers(&p.reply)
		p.finish()
		p.wantReply(200)
		if p.counts[CutCount] != test.counts {
			t.Errorf("%d streams are counted as cut, want %d", p.counts[CutCount], test.counts)
		}
	}
	// A proxy that keeps the last piece back until the trailers takes the end.
	p := newProxy(t, newPlugin(t, ""))
	p.send(post(chat, streamed), streamed)
	p.takeHead(&p.reply, stream200, false)
	p.reply.gathering = true
	p.takeTrailers(&p.reply)
	p.finish()
	if got := p.wantReply(200); !strings.HasSuffix(got, "data: [DONE]\n\n") || p.counts[CutCount] != 0 {
		t.Errorf("%d streams are counted as cut, client got\n%s", p.counts[CutCount], got)
	}
}

func TestBadRequestNeverGoesOn(t *testing.T) {
	bothKinds(t, "", func(t *testing.T, fresh func() *proxy) {
		for name, pieces := range cuts(`{"model":`) {
			for _, hides := range []bool{false, true} {
				p := fresh()
				p.hidesAnswers = hides
				p.send(post(chat, `{"model":`), pieces...).finish()
				if code := gjson.Get(p.wantReply(400), "error.code").Int(); code != 400 || p.request.ended || len(p.request.body) > 0 {
					t.Errorf("%s: client got %s, upstream %q", name, p.reply.body, p.request.body)
				}
				if p.counts[ErrorCount] != 1 || p.answers != 1 {
					t.Errorf("%s: %d errors counted, %d answers", name, p.counts[ErrorCount], p.answers)
				}
			}
		}
	})
}

// An upstream may reply before it has the whole request: what still goes up is rewritten, and
// the client gets one reply that ends once.
func TestReplyThatComesBeforeTheRequestIsRead(t *testing.T) {
	refused := Fields{{":status", "401"}, {"content-type", "application/json"}}
	inMessages := `{"model":"` + virtual + `","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`
	inResponses := `{"model":"` + virtual + `","input":"an input that is longer than what is read"}`
	for _, test := range []struct {
		path, request string
		head          Fields
		reply         string
		status        int
		want          string
	}{
		{chat, streamed, stream200, events, 200, events},
		{chat, streamed, refused, `{"error":{"message":"no key"}}`, 401, `{"error":{"message":"no key"}}`},
		{"/v1/messages", inMessages, refused, `{"error":{"message":"no key"}}`, 401, `"authentication_error"`},
		{"/v1/responses", inResponses, whole200, answered, 502, "before it had read the request"},
	} {
		p := newProxy(t, newPlugin(t, ""))
		p.takeHead(&p.request, post(test.path, test.request), false)
		p.takeBody(&p.request, []byte(test.request[:40]), false)
		p.takeHead(&p.reply, test.head, false)
		p.takeBody(&p.reply, []byte(test.reply), false)
		p.takeBody(&p.request, []byte(test.request[40:]), true)
		p.takeBody(&p.reply, nil, true)
		p.finish()
		if got := gjson.GetBytes(p.request.body, "model").String(); got != served && test.status != 502 {
			t.Errorf("%s: upstream got %s", test.path, p.request.body)
		}
		if got := p.wantReply(test.status); !strings.Contains(got, test.want) || len(got) > len(test.want) && test.path == chat {
			t.Errorf("%s: client got\n%s", test.path, got)
		}
	}
}

// A proxy may show us our own answer as a reply: it is not translated again.
func TestOwnAnswerPassesAsItIs(t *testing.T) {
	bothKinds(t, "", func(t *testing.T, fresh func() *proxy) {
		const refused = `{"model":"` + virtual + `","max_tokens":9,"messages":[]}`
		shown, hidden := fresh(), fresh()
		hidden.hidesAnswers = true
		for _, p := range []*proxy{shown, hidden} {
			p.send(post("/v1/messages", refused), refused).finish()
			p.wantReply(400)
		}
		if fmt.Sprintf("%v %s", shown.reply.head, shown.reply.body) != fmt.Sprintf("%v %s", hidden.reply.head, hidden.reply.body) {
			t.Errorf("shown, it is %v %s\nhidden %v %s", shown.reply.head, shown.reply.body, hidden.reply.head, hidden.reply.body)
		}
	})
}

// What all exchanges of a plugin gather has a bound, four bodies of the largest size, in
// requests and replies; what is done gives its part back.
func TestBodiesThatAreGatheredAtOnceHaveABound(t *testing.T) {
	for _, holds := range []string{"false", "true"} {
		plugin := newPlugin(t, `,"limits":{"body":"1KiB"},"envoy":{"allow_on_headers_stop_iteration":`+holds+`}`)
		begin := func(path string) *proxy {
			p := newProxy(t, plugin)
			p.takeHead(&p.request, post(path, ""), false)
			p.takeBody(&p.request, []byte(strings.Repeat(" ", 1000)), false)
			return p
		}
		var waiting []*proxy
		for range 4 {
			p := begin(chat)
			if p.heads != 0 {
				t.Fatalf("refused: %s", p.reply.body)
			}
			waiting = append(waiting, p)
		}
		for path, status := range map[string]int{chat: 503, "/v1/responses": 503, "/v1/messages": 529} {
			p := begin(path)
			if body := p.wantReply(status); !strings.Contains(body, "4 times limits.body") || p.reply.head.Get("retry-after") == "" {
				t.Errorf("%s: %v %s", path, p.reply.head, body)
			}
			p.finish()
		}
		waiting[0].takeBody(&waiting[0].request, []byte("{}"), true) // refused, since it names no model
		waiting[1].finish()                                          // the client has left
		var up []*proxy
		for range 2 {
			up = append(up, newProxy(t, plugin).send(post(chat, question), question))
		}
		for i := range 2 { // whole replies, gathered
			up[i].takeHead(&up[i].reply, Fields{{":status", "200"}, {"content-type", "application/json"}}, false)
			up[i].takeBody(&up[i].reply, []byte(strings.Repeat(" ", 1000)), false)
		}
		last := begin(chat)
		last.wantReply(503)
		last.finish()
		up[0].takeBody(&up[0].reply, []byte("{}"), true)
		for _, p := range append(waiting, up...) {
			p.finish()
		}
		if n := plugin.gathering.bytes.Load(); n != 0 {
			t.Errorf("%d bytes gathered in the end", n)
		}
	}
}

func TestWhatStillComesAfterAnAnswerWaits(t *testing.T) {
	p := newProxy(t, newPlugin(t, `,"limits":{"body":"1KiB"}`))
	p.takeHead(&p.request, post(chat, ""), false)
	p.takeBody(&p.request, []byte(strings.Repeat(" ", 2000)), false)
	p.wantReply(413)
	p.request.stopped = false // a proxy that goes on reading
	p.takeBody(&p.request, []byte(question), true)
	p.takeTrailers(&p.request)
	if len(p.request.body) > 0 || p.answers != 1 {
		t.Errorf("upstream got %q, %d answers", p.request.body, p.answers)
	}
}

func TestHostThatReplacesNoRequestSendsNone(t *testing.T) {
	bothKinds(t, "", func(t *testing.T, fresh func() *proxy) {
		p := fresh()
		p.replacesNoRequest = true
		p.send(post(chat, question), question).finish()
		p.wantReply(500)
		if len(p.request.body) > 0 || !p.logged("can't be replaced") {
			t.Errorf("upstream got %q, the log says %q", p.request.body, p.lines)
		}
	})
}

func TestHostThatReplacesNoReplySaysSo(t *testing.T) {
	p := newProxy(t, newPlugin(t, ""))
	p.replacesNoReply = true
	p.send(post(chat, question), question).receive(whole200, answered)
	if !p.logged("can't be replaced") {
		t.Errorf("the log says %q", p.lines)
	}
}

func TestProxysOwnErrorsAreRewritten(t *testing.T) {
	bothKinds(t, "", func(t *testing.T, fresh func() *proxy) {
		for _, test := range []struct {
			details         string
			theirs, status  int
			duringTheUpload bool
		}{
			{"request_payload_too_large", 413, 413, true},
			{"no_healthy_upstream", 503, 502, false},
			{"cluster_not_found", 503, 502, true},
			{"upstream_reset_before_response_started{connection_failure,delayed_connect_error:_111}", 503, 502, false},
			{"upstream_response_timeout", 504, 504, false},
			{"stream_idle_timeout", 408, 504, false},
			{"ext_authz_denied", 403, 403, true},
		} {
			p := fresh()
			p.takeHead(&p.request, post(chat, question), false)
			p.takeBody(&p.request, []byte(question), !test.duringTheUpload)
			p.fails(test.theirs, test.details)
			p.finish()
			body := p.wantReply(test.status)
			if ours := test.details != "ext_authz_denied"; ours != (gjson.Get(body, "error.code").Int() == int64(test.status)) {
				t.Errorf("%s: client got %v %s", test.details, p.reply.head, body)
			}
		}
	})
}

func TestBufferLimitIsComplainedOfOnce(t *testing.T) {
	plugin := newPlugin(t, "")
	said := 0
	for range 3 {
		p := newProxy(t, plugin)
		p.takeHead(&p.request, post(chat, question), false)
		p.fails(413, "request_payload_too_large")
		p.finish()
		said += len(p.lines)
	}
	if said != 1 {
		t.Errorf("it was said %d times", said)
	}
}

func TestOtherPathsPassUntouched(t *testing.T) {
	bothKinds(t, "", func(t *testing.T, fresh func() *proxy) {
		head := post("/v1/embeddings?x=1", `{"model": "a"}`)
		p := fresh().send(head, `{"model": `, `"a"}`).receive(Fields{{":status", "201"}}, "as ", "it is")
		if string(p.request.body) != `{"model": "a"}` || fmt.Sprint(p.request.head) != fmt.Sprint(head) || p.wantReply(201) != "as it is" {
			t.Errorf("upstream got %v %s, client %s", p.request.head, p.request.body, p.reply.body)
		}
		if p.counts[PassCount] != 1 || p.counts[RequestCount] != 0 {
			t.Errorf("counters are %v", p.counts)
		}
	})
}

func TestUpstreamThatDiesIsCountedAsCut(t *testing.T) {
	for details, want := range map[string]int{
		"upstream_reset_after_response_started{connection_termination}": 1,
		"downstream_remote_disconnect":                                  0,
	} {
		p := newProxy(t, newPlugin(t, ""))
		p.send(post(chat, streamed), streamed)
		p.takeHead(&p.reply, stream200, false)
		p.takeBody(&p.reply, []byte(events[:100]), false)
		p.details = details
		p.finish()
		if p.counts[CutCount] != want {
			t.Errorf("%s: %d are counted, want %d", details, p.counts[CutCount], want)
		}
	}
}

func TestTraceHoldsNoText(t *testing.T) {
	p := newProxy(t, newPlugin(t, `,"log":{"level":"DEBUG"}`))
	head := append(post(chat, question), [2]string{"x-session-affinity", "mine"}, [2]string{"x-parent-session-id", "yours"})
	p.send(head, question).receive(whole200, answered)
	if want := " session=" + access.Hashed("mine") + " prompt= agent= parent=" + access.Hashed("yours") + " class=subagent "; len(p.lines) != 1 ||
		!strings.Contains(p.lines[0], want) || strings.Contains(p.lines[0], "mine") {
		t.Errorf("the log says %q", p.lines)
	}
	if len(p.lines) != 1 || !strings.Contains(p.lines[0], virtual) || strings.Contains(p.lines[0], "Grüße") || strings.Contains(p.lines[0], "hello") {
		t.Errorf("the log says %q", p.lines)
	}
}

// A chat stream's event costs what the core's own part of it costs: no allocation, but for some
// of the race detector's.
func TestStreamEventAllocatesNothing(t *testing.T) {
	h := &lean{buffer: make([]byte, 0, 4096)}
	x := NewExchange(newPlugin(t, ""), h)
	h.head, h.body = post(chat, streamed), []byte(streamed)
	x.RequestHead(false)
	x.RequestBody(len(h.body), true)
	h.head = stream200
	x.ReplyHead(false)
	event := []byte(events[strings.Index(events, "\n\n")+2:])
	event = event[:strings.Index(string(event), "\n\n")+2]
	h.body = event
	core := leastAllocations(func() { h.Keep(x.core.Reply(h.Buffer(), event, false)) })
	if n := leastAllocations(func() { x.ReplyBody(len(event), false) }); n > core {
		t.Errorf("%v allocations, %v of them the core's", n, core)
	}
}

// leastAllocations returns the allocations of f's leanest run of 100. An average would count the
// pool's own forgetting: under the race detector a sync.Pool drops a quarter of what it is given.
func leastAllocations(f func()) float64 {
	least := testing.AllocsPerRun(1, f)
	for range 99 {
		least = min(least, testing.AllocsPerRun(1, f))
	}
	return least
}

// lean is a Host that keeps nothing of what it is told.
type lean struct {
	head         Fields
	body, buffer []byte
}

func (h *lean) Head(Side) (Fields, bool)       { return h.head, true }
func (*lean) SetField(Side, string, string)    {}
func (*lean) RemoveField(Side, string)         {}
func (*lean) HoldsHead(Side) bool              { return true }
func (*lean) Hides(Side) bool                  { return false }
func (*lean) Resume(Side)                      {}
func (h *lean) Body(Side) []byte               { return h.body }
func (*lean) ReplaceBody(Side, []byte) error   { return nil }
func (*lean) AppendReply([]byte) bool          { return true }
func (*lean) Answer(int, Fields, []byte) error { return nil }
func (*lean) CodeDetails() string              { return "" }
func (h *lean) Buffer() []byte                 { return h.buffer[:0] }
func (h *lean) Keep(b []byte)                  { h.buffer = b }
func (*lean) Log(Level, string)                {}
func (*lean) Count(Counter, int)               {}

// A chunk may hold a thousand times as much once it is decoded. The host gets it in pieces, or
// all of it would have to be held at once.
func TestALongChunkIsHandedOverInPieces(t *testing.T) {
	event := `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"%d %d"},"finish_reason":null}]}` + "\n\n"
	var text strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&text, event, i*i*7919, i)
	}
	text.WriteString("data: [DONE]\n\n")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(text.String()))
	_ = z.Close()
	for name, reply := range map[string]struct{ encoding, body string }{"plain": {"identity", text.String()}, "compressed": {"gzip", packed.String()}} {
		t.Run(name, func(t *testing.T) {
			bothKinds(t, "", func(t *testing.T, fresh func() *proxy) {
				head := append(slices.Clone(stream200), [2]string{"content-encoding", reply.encoding})
				p := fresh().send(post(chat, streamed), streamed).receive(head, reply.body)
				got := string(p.reply.body)
				if !strings.HasSuffix(got, "data: [DONE]\n\n") || strings.Count(got, "\n\n") != 40_001 || strings.Contains(got, `"error"`) {
					t.Errorf("%d bytes, the last %q", len(got), got[max(0, len(got)-300):])
				}
				if p.longest > 4<<20 {
					t.Errorf("%d bytes are handed over at once", p.longest)
				}
			})
		})
	}
}
