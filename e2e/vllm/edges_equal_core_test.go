package vllm

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/e2e/scenario"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// beyond are questions that an edge answers itself, before Qwenvoy sees them.
var beyond = map[string]map[string]string{
	"native": {"70 KB of header": "the binary takes 64 KiB of header"},
	"envoy": {
		"70 KB of header":    "Envoy takes 60 KiB of header by default",
		"stream to HTTP/1.0": "Envoy speaks no HTTP/1.0 by default",
	},
}

// However the real server's bytes come in, and in which pieces, an edge sends upstream
// what the core makes of the request, and to the client what the core makes of the
// whole recorded reply.
func TestEdgesDoWhatTheCoreDoesWithTheSameBytes(t *testing.T) {
	asked := questions()
	table, err := scenario.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range table {
		if s.Config == "default" && s.Upstream != nil && !s.GzipRequest && s.Request.Get("upgrade") == "" {
			asked = append(asked, asQuestion(s))
		}
	}
	onBothEdges(t, func(t *testing.T, url string) {
		name := "envoy"
		if strings.HasSuffix(t.Name(), "/native") {
			name = "native"
		}
		core := newCore(t, name == "native")
		if name == "native" {
			core.keeps = true
		}
		for i, q := range asked {
			t.Run(q.name, func(t *testing.T) {
				if reason := beyond[name][q.name]; reason != "" {
					t.Skip(reason)
				}
				model := thinking
				if strings.Contains(q.body, `"enable_thinking":false`) {
					model = instruct // a model that thinks stays in thought
				}
				q.body = strings.ReplaceAll(q.body, real, model)
				q.path = strings.ReplaceAll(q.path, real, model)
				id := fmt.Sprint(name, i)
				client, err := q.do(strings.TrimPrefix(url, "http://"), [2]string{recordHeader, id})
				if err != nil {
					t.Fatal(err)
				}
				core.compare(t, &q, recorded.take(id), client)
			})
		}
	})
}

func asQuestion(s *scenario.Scenario) question {
	q := question{name: s.Name, header: append([][2]string{{capHeader, "24"}}, s.Request.Header...), body: string(s.Request.Body)}
	q.method, q.path, _ = strings.Cut(s.Request.Start, " ")
	q.noBody = q.body == "" && q.method != "POST"
	return q
}

type core struct {
	*gateway.Gateway
	keeps bool // of an edge that stores, and has stored nothing
}

func newCore(t *testing.T, health bool) core {
	t.Helper()
	c, err := config.Decode(fmt.Appendf(nil, `{"upstreams":[{"model":%q,"max_model_len":8192}]}`, real))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(c, gateway.Edge{Health: health})
	if err != nil {
		t.Fatal(err)
	}
	return core{Gateway: g}
}

// goOn gives an exchange what it needs, as an edge that stores and has stored nothing.
func goOn(x *gateway.Exchange) func([]byte, *hub.Answer) ([]byte, *hub.Answer) {
	return func(out []byte, a *hub.Answer) ([]byte, *hub.Answer) {
		for x.Need() != nil {
			out, a = x.Resume(out, hub.Given{Stores: true, Stored: true})
		}
		return out, a
	}
}

// compare checks what went up, and what the client got.
func (c core) compare(t *testing.T, q *question, up *exchange, client *reply) {
	t.Helper()
	header := func(name string) string {
		for _, h := range q.header {
			if strings.EqualFold(h[0], name) {
				return h[1]
			}
		}
		return ""
	}
	head := gateway.Head{Method: q.method, Path: q.path, Header: header, Credential: access.Read(header)}
	x := c.Open(head, gateway.Env{Random: rand.Uint64, Now: time.Now().Unix(), Keeps: c.keeps})
	plan := x.Plan()
	local := plan.Answer
	body, path := []byte(q.body), q.path
	if plan.Action == gateway.Transform && !plan.NoBody {
		body, local = goOn(x)(x.Request(nil, body))
	}
	if local != nil {
		if up != nil {
			t.Errorf("nothing was to go upstream, but %s %s did", up.method, up.path)
		}
		answered(t, q, local, client)
		return
	}
	if up == nil {
		t.Fatalf("nothing went upstream; the client got %d %s", client.status, client.body)
	}
	if plan.Path != "" {
		path = plan.Path
	}
	if diff := cmp.Diff(q.method+" "+path+"\n"+string(body), up.method+" "+up.path+"\n"+string(up.request)); diff != "" {
		t.Errorf("upstream (-core +edge):\n%s", diff)
	}

	rp := x.ReplyHead(up.status, up.header.Get)
	want := up.reply.Bytes()
	switch rp.Mode {
	case gateway.ReplyLocal:
		answered(t, q, rp.Answer, client)
		return
	case gateway.ReplyWhole:
		var a *hub.Answer
		if want, a = goOn(x)(x.ReplyWhole(nil, want)); a != nil {
			answered(t, q, a, client)
			return
		}
	case gateway.ReplyStream:
		want, _ = goOn(x)(x.Reply(nil, want, true), nil)
	}
	status, kind := up.status, up.header.Get("Content-Type")
	if rp.Status != 0 {
		status = rp.Status
	}
	for _, h := range rp.Edit.Set {
		if h[0] == "content-type" {
			kind = h[1]
		}
	}
	if client.status != status {
		t.Errorf("status %d, want %d", client.status, status)
	}
	if got := client.header.Get("Content-Type"); got != kind {
		t.Errorf("content-type %q, want %q", got, kind)
	}
	if diff := cmp.Diff(string(scenario.Normalize(want)), string(scenario.Normalize(client.body))); diff != "" {
		t.Errorf("reply (-core +edge):\n%s", diff)
	}
}

// answered checks a reply of Qwenvoy's own.
func answered(t *testing.T, q *question, want *hub.Answer, got *reply) {
	t.Helper()
	body := string(want.Body)
	if q.method == http.MethodHead {
		body = ""
	}
	if got.status != want.Status || string(scenario.Normalize(got.body)) != string(scenario.Normalize([]byte(body))) {
		t.Errorf("answer %d %s\nwant %d %s", got.status, got.body, want.Status, body)
	}
}
