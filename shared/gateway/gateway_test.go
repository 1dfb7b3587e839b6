package gateway

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

func newGateway(t testing.TB, more string, edge Edge) *Gateway {
	t.Helper()
	c, err := config.Decode([]byte(`{"upstreams":[{"name":"local","model":"Qwen/X"}]` + more + `}`))
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(c, edge)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func open(g *Gateway, env Env, method, path string, header ...string) *Exchange {
	if env.Random == nil {
		env.Random = rand.Uint64
	}
	h := values(header...)
	return g.Open(Head{Method: method, Path: path, Header: h, Credential: access.Read(h)}, env)
}

// Where the served model's name is not known yet all that would go to it is told so in its own
// words, and when to come again; what needs no model is served.
func TestUntilTheModelIsKnown(t *testing.T) {
	c, err := config.Decode([]byte(`{"upstreams":[{"name":"local"}],"profiles":[{"name":"p","thinking":"on","when":{"generation":"qwen3.8"}}],
		"models":[{"name":"m","profile":"p"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(c, Edge{}); err == nil || !strings.HasPrefix(err.Error(), "upstreams[0].model: the served model's name is required here") {
		t.Errorf("an edge that can't learn it: %v", err)
	}
	g, err := New(c, Edge{LearnsModel: true, Health: true})
	if err != nil || len(g.Notes()) > 0 {
		t.Fatalf("%v, %s", err, g.Notes())
	}
	const why = `The served model's name is not known yet: the server has several models: a, b. The gateway goes on asking; try again, or name it in upstreams[0].model.`
	for _, tt := range []struct {
		method, path, body string
		status             int
		header             []string
	}{
		{"POST", "/v1/chat/completions", `{"error":{"message":"` + why + `","type":"server_error"`, 503, nil},
		{"POST", "/v1/completions", `{"error":{"message":"` + why, 503, nil},
		{"POST", "/tokenize", `{"error":{"message":"` + why, 503, nil},
		{"GET", "/v1/models", `{"error":{"message":"` + why, 503, nil},
		{"GET", "/v1/models/m", `{"error":{"message":"` + why, 503, nil},
		{"GET", "/v1/models", `{"type":"error","error":{"type":"overloaded_error","message":"` + why, 529, []string{"anthropic-version", "2023-06-01"}},
		{"POST", "/v1/responses", `{"error":{"message":"` + why, 503, nil},
		{"POST", "/v1/responses/input_tokens", `{"error":{"message":"` + why, 503, nil},
		{"POST", "/v1/messages", `{"type":"error","error":{"type":"overloaded_error","message":"` + why, 529, nil},
		{"POST", "/v1/messages/count_tokens", `{"type":"error","error":{"type":"overloaded_error","message":"` + why, 529, nil},
	} {
		x := open(g, Env{Nameless: "the server has several models: a, b"}, tt.method, tt.path, tt.header...)
		a := x.Plan().Answer
		if a == nil || a.Status != tt.status || !strings.HasPrefix(string(a.Body), tt.body) {
			t.Errorf("%s %s: %+v", tt.method, tt.path, a)
			continue
		}
		if !reflect.DeepEqual(x.Report().Reason, "model_unknown") || !slices.Contains(a.Header, [2]string{"retry-after", "5"}) {
			t.Errorf("%s %s: header %v, reason %s", tt.method, tt.path, a.Header, x.Report().Reason)
		}
	}
	for path, action := range map[string]Action{"/health": Local, "/": Local, "/metrics": Pass} {
		if x := open(g, Env{}, "GET", path); x.Plan().Action != action || x.Plan().Answer != nil && x.Plan().Answer.Status != 200 {
			t.Errorf("%s: %+v", path, x.Plan())
		}
	}
}

// A model that only thinks, or never does, is asked for what it does, whatever a profile or a
// request says.
func TestModelsThatOnlyThinkOrNeverDo(t *testing.T) {
	for _, tt := range []struct{ served, model, more, thinking, temperature string }{
		{"Qwen3-30B-A3B-Thinking-2507", "qwen-thinking-coding", ``, "true", "0.6"},
		{"Qwen3-30B-A3B-Thinking-2507", "qwen-instruct-general", ``, "true", "0.6"},
		{"Qwen3-30B-A3B-Thinking-2507", "Qwen3-30B-A3B-Thinking-2507", `,"reasoning_effort":"none","chat_template_kwargs":{"enable_thinking":false}`, "true", "0.6"},
		{"Qwen3-30B-A3B-Thinking-2507", "gpt-5", `,"max_tokens":64`, "true", "0.6"},
		{"Qwen3-Coder-30B-A3B-Instruct", "qwen-thinking-coding", `,"reasoning_effort":"high"`, "false", "0.7"},
		{"Qwen3-Coder-30B-A3B-Instruct", "Qwen3-Coder-30B-A3B-Instruct", `,"chat_template_kwargs":{"enable_thinking":true}`, "false", "0.7"},
		{"Qwen3-8B", "Qwen3-8B", ``, "true", "0.6"},
		{"Qwen3-8B", "Qwen3-8B", `,"max_tokens":64`, "false", "0.7"},
	} {
		c, err := config.Decode([]byte(`{"upstreams":[{"model":"` + tt.served + `"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		g, err := New(c, Edge{})
		if err != nil {
			t.Fatal(err)
		}
		x := open(g, Env{}, "POST", "/v1/chat/completions")
		out, a := x.Request(nil, []byte(`{"model":"`+tt.model+`","messages":[{"role":"user","content":"hi"}]`+tt.more+`}`))
		if a != nil || !strings.Contains(string(out), `"enable_thinking":`+tt.thinking) || !strings.Contains(string(out), `"temperature":`+tt.temperature+`,`) ||
			strings.Contains(string(out), "reasoning_effort") {
			t.Errorf("%s, %s%s: %+v %s", tt.served, tt.model, tt.more, a, out)
		}
	}
}

func values(header ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(header); i += 2 {
			if header[i] == name {
				return header[i+1]
			}
		}
		return ""
	}
}

func TestWhatAnEdgeHasToDoFollowsFromTheHead(t *testing.T) {
	tests := []struct {
		name, method, path string
		header             []string
		route              string
		action             Action
		status             int
	}{
		{"chat", "POST", "/v1/chat/completions", nil, "chat", Transform, 0},
		{"chat with a query", "POST", "/v1/chat/completions?x=/v1/models", nil, "chat", Transform, 0},
		{"completions", "POST", "/v1/completions/", nil, "completions", Transform, 0},
		{"wrong method", "OPTIONS", "/v1/chat/completions", nil, "chat", Local, 405},
		{"models", "GET", "/v1/models", nil, "models", Transform, 0},
		{"models with HEAD", "HEAD", "/v1/models", nil, "models", Local, 405},
		{"/v1 twice", "POST", "/v1/v1/chat/completions", nil, "chat", Local, 404},
		{"/v1 twice, escaped", "POST", "/v1/%76%31/messages/?beta=true", nil, "messages", Local, 404},
		{"/v1 twice, models", "GET", "/v1/v1/models", []string{"anthropic-version", "2023-06-01"}, "models", Local, 404},
		{"/v1 three times", "GET", "/v1/v1/v1/responses/x", nil, "responses", Local, 404},
		{"/v1 twice before another path", "POST", "/v1/v1/embeddings", nil, "pass", Local, 404},
		{"another path that begins so", "GET", "/v1/v1x", nil, "pass", Pass, 0},
		{"one model", "GET", "/v1/models/gpt-5", nil, "model", Transform, 0},
		{"no model", "GET", "/v1/models/llama", nil, "model", Local, 404},
		{"nothing behind models", "GET", "/v1/models//", nil, "pass", Pass, 0},
		{"health", "GET", "/health", nil, "health", Local, 200},
		{"liveness", "GET", "/livez", nil, "livez", Local, 200},
		{"readiness", "GET", "/readyz?verbose", nil, "readyz", Local, 200},
		{"readiness with POST", "POST", "/readyz", nil, "readyz", Local, 405},
		{"health with HEAD", "HEAD", "/health", nil, "health", Local, 200},
		{"health with POST", "POST", "/health", nil, "health", Local, 405},
		{"other path", "PATCH", "/metrics", nil, "pass", Pass, 0},
		{"root", "GET", "/", nil, "root", Local, 200},
		{"root with HEAD", "HEAD", "/", nil, "root", Local, 200},
		{"root by POST", "POST", "/", nil, "pass", Pass, 0},
		{"case matters", "POST", "/V1/chat/completions", nil, "pass", Pass, 0},
		{"WebSocket elsewhere", "GET", "/v1/realtime", []string{"upgrade", "websocket"}, "pass", Pass, 0},
		{"WebSocket on one of our routes", "GET", "/v1/chat/completions", []string{"upgrade", "websocket"}, "pass", Pass, 0},
		{"WebSocket on responses", "GET", "/v1/responses?x", []string{"upgrade", "WebSocket"}, "responses", Local, 426},
		{"h2c offered with a chat", "POST", "/v1/chat/completions", []string{"upgrade", "h2c"}, "chat", Transform, 0},
		{"escaped", "POST", "/v1/%63hat%2Fcompletions", nil, "chat", Transform, 0},
		{"escaped badly", "POST", "/v1/chat/completions%zz", nil, "pass", Pass, 0},
		{"responses", "POST", "/v1/responses", nil, "responses", Transform, 0},
		{"responses by GET", "GET", "/v1/responses", nil, "responses", Local, 405},
		{"a stored response", "GET", "/v1/responses/resp_1", nil, "responses", Local, 404},
		{"conversations", "POST", "/v1/conversations", nil, "responses", Local, 404},
		{"compact", "POST", "/v1/responses/compact/", nil, "responses_compact", Transform, 0},
		{"messages", "POST", "/v1/messages?beta=true", nil, "messages", Transform, 0},
		{"count_tokens", "POST", "/v1/messages/count_tokens", nil, "messages_count_tokens", Transform, 0},
		{"batches", "POST", "/v1/messages/batches", nil, "messages", Local, 501},
	}
	g := newGateway(t, "", Edge{Health: true})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := open(g, Env{}, tt.method, tt.path, tt.header...).Plan()
			if p.Route != tt.route || p.Action != tt.action {
				t.Errorf("route %s action %d, want %s %d", p.Route, p.Action, tt.route, tt.action)
			}
			if tt.action == Local && p.Answer.Status != tt.status {
				t.Errorf("status %d, want %d", p.Answer.Status, tt.status)
			}
		})
	}
}

func TestHealthIsPassedOnWhereTheEdgeDoesNotAnswerIt(t *testing.T) {
	for _, path := range []string{"/health", "/livez", "/readyz"} {
		if p := open(newGateway(t, "", Edge{}), Env{}, "GET", path).Plan(); p.Action != Pass {
			t.Errorf("action %d", p.Action)
		}
	}
}

func TestATransformNeverKeepsTheOldLengthOrAsksForCompression(t *testing.T) {
	x := open(newGateway(t, "", Edge{}), Env{}, "POST", "/tokenize", "content-encoding", "gzip")
	want := "cookie origin referer " + strings.Join(access.HintFields, " ") + " content-length accept-encoding content-encoding"
	if got := strings.Join(x.Plan().Edit.Drop, " "); got != want {
		t.Errorf("dropped: %s", got)
	}
}

func TestTheBodyLimitIsTheConfigurationsOrTheEdges(t *testing.T) {
	for _, tt := range []struct {
		more string
		edge Edge
		want int
	}{{"", Edge{}, 32 << 20}, {"", Edge{MaxBody: 100e6}, 100e6}, {`,"limits":{"body":"2KiB"}`, Edge{MaxBody: 100e6}, 2 << 10}} {
		if got := open(newGateway(t, tt.more, tt.edge), Env{}, "POST", "/v1/chat/completions").Plan().MaxBody; got != tt.want {
			t.Errorf("%q %+v: %d, want %d", tt.more, tt.edge, got, tt.want)
		}
	}
}

func TestTheWindowIsAskedForOnlyWhereItMatters(t *testing.T) {
	env := Env{LearnsWindow: true}
	g := newGateway(t, "", Edge{})
	x := open(g, env, "POST", "/v1/chat/completions")
	if _, a := x.Request(nil, []byte(`{"model":"gpt-5","messages":[]}`)); a != nil || x.Need() != nil {
		t.Errorf("needs %v, answer %v", x.Need(), a)
	}
	x = open(g, env, "POST", "/v1/chat/completions")
	out, a := x.Request(nil, []byte(`{"model":"gpt-5","messages":[],"max_tokens":5000}`))
	if a != nil || x.Need() == nil || x.Need().Kind != hub.NeedWindow {
		t.Fatalf("needs %v, answer %v", x.Need(), a)
	}
	out, a = x.Resume(out, hub.Given{Window: 4096})
	if a != nil || x.Need() != nil || !bytes.Contains(out, []byte(`"max_tokens":4096`)) {
		t.Errorf("needs %v, answer %v, %s", x.Need(), a, out)
	}
}

func TestRequestEncodings(t *testing.T) {
	body := `{"model":"gpt-5","messages":[]}`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprint(z, body)
	z.Close()
	edges := Env{Decode: func(src []byte, encoding string, limit int) ([]byte, hub.Fault) {
		switch encoding {
		case "upper":
			return bytes.ToLower(src), hub.NoFault
		case "bomb":
			return nil, hub.BodyTooLarge
		case "full":
			return nil, hub.NoMemory
		}
		return nil, hub.BadEncoding
	}}
	core := Env{}
	tests := []struct {
		env            Env
		encoding, body string
		status         int
	}{
		{core, "gzip", packed.String(), 0}, {core, "X-GZIP", packed.String(), 0}, {core, "identity", body, 0}, {edges, "upper", strings.ToUpper(body), 0},
		{core, "gzip", body, 400}, {core, "gzip", packed.String() + "junk", 400}, {core, "gzip", packed.String()[:20], 400}, {core, "gzip", packed.String() + "\x00", 400},
		{edges, "broken", body, 415}, {core, "br", body, 415}, {core, "gzip, gzip", body, 415}, {edges, "bomb", body, 413},
		{edges, "full", body, 503},
	}
	for _, tt := range tests {
		env := tt.env
		x := open(newGateway(t, `,"limits":{"body":"1KiB"}`, Edge{}), env, "POST", "/v1/chat/completions", "content-encoding", tt.encoding)
		out, a := x.Request(nil, []byte(tt.body))
		switch {
		case tt.status == 0 && (a != nil || !bytes.Contains(out, []byte("Qwen/X"))):
			t.Errorf("%s: %v %s", tt.encoding, a, out)
		case tt.status != 0 && (a == nil || a.Status != tt.status):
			t.Errorf("%s: %v, want %d", tt.encoding, a, tt.status)
		}
	}
}

// Beyond the first MiB a body may be 100 times as large without its encoding, as a request
// and as a reply.
func TestABodyThatIsNothingButRepetition(t *testing.T) {
	pack := func(n int) []byte {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		fmt.Fprintf(z, `{"model":"gpt-5","messages":[],"user":%q}`, strings.Repeat("x", n))
		z.Close()
		return packed.Bytes()
	}
	for n, want := range map[int]string{900 << 10: "", 4 << 20: "body_inflated"} {
		x := open(newGateway(t, "", Edge{}), Env{}, "POST", "/v1/chat/completions", "content-encoding", "gzip")
		_, a := x.Request(nil, pack(n))
		switch {
		case want == "" && a != nil, want != "" && (a == nil || a.Status != 413 || a.Reason != want):
			t.Errorf("a request of %d bytes: %+v", n, a)
		}
		x = open(newGateway(t, "", Edge{}), Env{}, "POST", "/v1/chat/completions")
		if _, a := x.Request(nil, []byte(`{"model":"gpt-5","messages":[]}`)); a != nil {
			t.Fatal(a)
		}
		x.ReplyHead(200, values("content-type", "application/json", "content-encoding", "gzip"))
		_, a = x.ReplyWhole(nil, pack(n))
		if (a != nil && a.Reason == "reply_too_large") != (want != "") {
			t.Errorf("a reply of %d bytes: %+v", n, a)
		}
	}
	// What does not compress so well is only bounded by limits.body.
	var odd, packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	odd.WriteString(`{"model":"gpt-5","messages":[],"user":"`)
	for i := 0; odd.Len() < 4<<20; i++ {
		fmt.Fprintf(&odd, "%d %d ", i, i*i)
	}
	odd.WriteString(`"}`)
	_, _ = z.Write(odd.Bytes())
	z.Close()
	x := open(newGateway(t, "", Edge{}), Env{}, "POST", "/v1/chat/completions", "content-encoding", "gzip")
	if _, a := x.Request(nil, packed.Bytes()); a != nil {
		t.Errorf("%s", a.Body)
	}
}

func TestFaultsHaveTheirStatusAndAreReported(t *testing.T) {
	for f, want := range map[hub.Fault]struct {
		status int
		reason string
	}{
		hub.BodyTooLarge: {413, "body_too_large"}, hub.Inflated: {413, "body_inflated"}, hub.NoMemory: {503, "no_memory"}, hub.BadEncoding: {415, "bad_encoding"}, hub.Undecodable: {400, "bad_encoding"}, hub.BrokenBody: {400, "bad_body"}, hub.SlowBody: {408, "slow_body"}, hub.Unreachable: {502, "upstream_connect"},
		hub.NoHead: {504, "upstream_timeout"}, hub.Idle: {504, "upstream_idle"}, hub.Cut: {502, "upstream_cut"},
		hub.ReplyTooLarge: {502, "reply_too_large"}, hub.BadReply: {502, "bad_reply"}, hub.Panic: {500, "panic"},
	} {
		x := open(newGateway(t, "", Edge{}), Env{}, "GET", "/anything")
		a := x.Fault(f)
		if a.Status != want.status || a.Reason != want.reason || x.Report().Reason != want.reason || !bytes.Contains(a.Body, fmt.Appendf(nil, `"code":%d`, want.status)) {
			t.Errorf("fault %d: %+v %s", f, a, a.Body)
		}
	}
}

func TestAStreamEndsOnce(t *testing.T) {
	x := open(newGateway(t, "", Edge{}), Env{}, "POST", "/v1/chat/completions")
	if _, a := x.Request(nil, []byte(`{"model":"gpt-5","messages":[],"stream":true}`)); a != nil {
		t.Fatal(a)
	}
	if p := x.ReplyHead(200, values("content-type", "text/event-stream")); p.Mode != ReplyStream {
		t.Fatal(p.Mode)
	}
	out := x.Reply(nil, []byte("data: {\"choices\":[]}\n\n"), false)
	out = x.Abort(out, hub.Idle)
	n := len(out)
	if !x.Ended() || !bytes.Contains(out, []byte(`"code":504`)) || !bytes.HasSuffix(out, []byte("data: [DONE]\n\n")) {
		t.Errorf("%s", out)
	}
	out = x.Abort(out, hub.Cut)
	out = x.Reply(out, []byte("data: [DONE]\n\n"), true)
	if len(out) != n {
		t.Errorf("more came behind the end: %s", out[n:])
	}
}

func TestACorruptGzipStreamEndsInAnError(t *testing.T) {
	x := open(newGateway(t, "", Edge{}), Env{}, "POST", "/v1/chat/completions")
	if _, a := x.Request(nil, []byte(`{"model":"gpt-5","messages":[],"stream":true}`)); a != nil {
		t.Fatal(a)
	}
	x.ReplyHead(200, values("content-type", "text/event-stream", "content-encoding", "gzip"))
	out := x.Reply(nil, []byte("data: this is not gzip\n\n"), false)
	if !x.Ended() || !bytes.HasSuffix(out, []byte("data: [DONE]\n\n")) {
		t.Errorf("%s", out)
	}
}

// A stream that is nothing but repetition ends by its grammar, whether it is many events, one,
// or none, and in however many members and chunks it comes.
func TestAStreamThatIsNothingButRepetition(t *testing.T) {
	pack := func(times int, texts ...string) (packed []byte) {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		for _, text := range texts {
			fmt.Fprint(z, text)
		}
		z.Close()
		return bytes.Repeat(b.Bytes(), times)
	}
	event := `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}` + "\n\n"
	routes := map[string]struct{ body, end string }{
		"/v1/chat/completions": {`{"model":"gpt-5","messages":[],"stream":true}`, "data: [DONE]\n\n"},
		"/v1/completions":      {`{"model":"gpt-5","prompt":"x","stream":true}`, "data: [DONE]\n\n"},
		"/v1/messages":         {`{"model":"gpt-5","max_tokens":9,"messages":[{"role":"user","content":"x"}],"stream":true}`, "event: error\n"},
		"/v1/responses":        {`{"model":"gpt-5","input":"x","stream":true}`, "event: response.failed\n"},
	}
	streams := map[string][]byte{
		"events":          pack(1, strings.Repeat(event, 8<<20/len(event))),
		"members":         pack(8, strings.Repeat(event, 1<<20/len(event))),
		"one event":       pack(1, "data: ", strings.Repeat("x", 64<<20)),
		"comments":        pack(1, strings.Repeat(":\n\n", 2<<20)),
		"empty lines":     pack(1, strings.Repeat("\n", 8<<20)),
		"empty members":   append(pack(1, event), pack(8, strings.Repeat("\r\n", 1<<20))...),
		"lines of data":   pack(1, strings.Repeat("data:\n", 1<<20)),
		"names of nobody": pack(1, strings.Repeat("x\n", 4<<20)),
	}
	for path, route := range routes {
		for name, packed := range streams {
			sizes := []int{1000, len(packed)}
			if path != "/v1/chat/completions" {
				if name != "events" && name != "one event" {
					continue // what makes no event goes no further than the framer
				}
				sizes = sizes[1:]
			}
			for _, size := range sizes {
				x := open(newGateway(t, "", Edge{}), Env{Random: func() uint64 { return 1 }}, "POST", path)
				if _, a := x.Request(nil, []byte(route.body)); a != nil {
					t.Fatalf("%s", a.Body)
				}
				x.ReplyHead(200, values("content-type", "text/event-stream", "content-encoding", "gzip"))
				var out []byte
				for rest := packed; len(rest) > 0 && !x.Ended(); {
					n := min(size, len(rest))
					out = x.Reply(out, rest[:n], n == len(rest))
					rest = rest[n:]
				}
				if !x.Ended() || !bytes.Contains(out, []byte(route.end)) || x.Report().Reason != "reply_too_large" || len(out) > 64<<20 {
					t.Errorf("%s, %s of %d bytes in chunks of %d: %d bytes, reason %q, the last %q", path, name, len(packed), size,
						len(out), x.Report().Reason, out[max(0, len(out)-200):])
				}
				x.Close()
			}
		}
	}
	// What is as long as this and says something is no attack.
	var odd strings.Builder
	for i := range 1 << 16 {
		odd.WriteString(strings.Replace(event, `"x"`, fmt.Sprintf(`"%d "`, i*i), 1))
	}
	x := open(newGateway(t, "", Edge{}), Env{}, "POST", "/v1/chat/completions")
	if _, a := x.Request(nil, []byte(routes["/v1/chat/completions"].body)); a != nil {
		t.Fatal(a)
	}
	x.ReplyHead(200, values("content-type", "text/event-stream", "content-encoding", "gzip"))
	if out := x.Reply(nil, pack(1, odd.String(), "data: [DONE]\n\n"), true); !x.Ended() || bytes.Count(out, []byte("\n\n")) != 1<<16+1 {
		t.Errorf("%d bytes, the last %q", len(out), out[max(0, len(out)-200):])
	}
}

func TestCompressedErrorsAreDecodedToo(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprint(z, `{"error":"no"}`)
	z.Close()
	x := open(newGateway(t, "", Edge{}), Env{}, "GET", "/v1/models")
	p := x.ReplyHead(503, values("content-type", "application/json", "content-encoding", "gzip"))
	out, a := x.ReplyWhole(nil, packed.Bytes())
	if p.Mode != ReplyWhole || a != nil || string(out) != `{"error":"no"}` {
		t.Errorf("%d %v %s", p.Mode, a, out)
	}
	if out, a := x.ReplyWhole(nil, []byte("oops")); a == nil || a.Status != 502 {
		t.Errorf("corrupt: %v %s", a, out)
	}
}

func TestReportSaysWhatHappenedWithoutPrompts(t *testing.T) {
	g := newGateway(t, "", Edge{})
	x := open(g, Env{}, "POST", "/v1/chat/completions")
	if _, a := x.Request(nil, []byte(`{"model":"qwen3.5-instruct-general","messages":[{"role":"developer","content":"secret"}],"temperature":1}`)); a != nil {
		t.Fatal(a)
	}
	x.ReplyHead(200, values("content-type", "application/json"))
	if _, a := x.ReplyWhole(nil, []byte(`{"model":"Qwen/X","choices":[{"index":0,"message":{"content":null,"reasoning":"a"},"finish_reason":"stop"}],
		"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}}`)); a != nil {
		t.Fatal(a)
	}
	want := Report{Route: "chat", Model: "qwen3.5-instruct-general", Served: "Qwen/X", Upstream: "local", Asked: []byte(`"qwen3.5-instruct-general"`), Finish: "stop", HasUsage: true,
		PromptTokens: 3, CompletionTokens: 4, CachedTokens: 2, ReasoningTokens: 1,
		Changes: []string{"model", "sampling", "thinking", "developer_renamed"}, Repairs: []string{"reasoning_to_content"}}
	if got := x.Report(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// A path is any bytes; an error that quotes one is still JSON, which is UTF-8.
func TestErrorsAreUTF8(t *testing.T) {
	for _, path := range []string{"/\xff\xfe", "/v1/models/\xff"} {
		a := open(newGateway(t, `,"passthrough":false`, Edge{}), Env{}, "GET", path).Plan().Answer
		if a == nil || !utf8.Valid(a.Body) {
			t.Errorf("%q: %v", path, a)
		}
	}
	x := open(newGateway(t, "", Edge{}), Env{}, "POST", "/v1/chat/completions")
	if _, a := x.Request(nil, []byte(`{"model":"qwen3.5-thinking-general","messages":[]}`)); a != nil {
		t.Fatal(string(a.Body))
	}
	x.ReplyHead(200, values("content-type", "application/json"))
	if _, a := x.ReplyWhole(nil, []byte("{\"error\":{\"message\":\"\xff\",\"type\":\"\xff\",\"param\":\"\xff\"}}")); a == nil || !utf8.Valid(a.Body) {
		t.Errorf("%v", a)
	}
}

// Envoy joins a repeated field with a comma, and so does the binary.
func TestARepeatedContentTypeIsOne(t *testing.T) {
	for kind, want := range map[string]ReplyMode{
		"application/json, application/json": ReplyWhole, "text/event-stream,text/event-stream; charset=utf-8": ReplyStream,
		"Application/JSON ; charset=\"a,b\"": ReplyWhole, "text/html, application/json": ReplyPass,
	} {
		x := open(newGateway(t, "", Edge{}), Env{}, "POST", "/v1/chat/completions")
		if got := x.ReplyHead(200, values("content-type", kind)).Mode; got != want {
			t.Errorf("%s: %d, want %d", kind, got, want)
		}
	}
}

// Nobody asked for another protocol.
func TestAnUpstreamThatSwitchesProtocolsIsRefused(t *testing.T) {
	x := open(newGateway(t, "", Edge{}), Env{}, "POST", "/v1/chat/completions")
	if p := x.ReplyHead(101, values()); p.Mode != ReplyLocal || p.Answer.Status != 502 {
		t.Errorf("%+v", p)
	}
}
