package scenario

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

var update = flag.Bool("update", false, "write what the core does into the table, to be read before it is committed")

// core carries scenarios through the gateway package alone, in pieces of the sizes
// that cuts says.
type core struct {
	gateways map[string]*gateway.Gateway
	cuts     func(length int) []int
}

func newCore(t testing.TB) *core {
	t.Helper()
	configs, err := Configs()
	if err != nil {
		t.Fatal(err)
	}
	c := &core{gateways: map[string]*gateway.Gateway{}}
	for name, text := range configs {
		cfg, err := config.Decode(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.gateways[name], err = gateway.New(cfg, gateway.Edge{Health: true}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return c
}

func (c *core) Name() string { return "core" }

func (c *core) Carry(t *testing.T, s *Scenario) (upstream, reply *Message) {
	t.Helper()
	g := c.gateways[s.Config]
	if g == nil {
		t.Fatalf("there is no configuration %q", s.Config)
	}
	request, answer := s.Wire()
	method, path, _ := strings.Cut(request.Start, " ")
	head := gateway.Head{Method: method, Path: path, Header: request.Get, Credential: access.Read(request.Get)}
	x := g.Open(head, gateway.Env{Now: 1795248367, Random: rand.New(rand.NewPCG(1, 2)).Uint64})
	local := func(a *hub.Answer) *Message {
		kind := a.ContentType
		if kind == "" {
			kind = "application/json"
		}
		return &Message{strconv.Itoa(a.Status), append([][2]string{{"content-type", kind}}, a.Header...), a.Body}
	}
	plan := x.Plan()
	var body []byte
	switch {
	case plan.Action == gateway.Local:
		return nil, local(plan.Answer)
	case plan.Action == gateway.Pass:
		body = request.Body
	case !plan.NoBody:
		var a *hub.Answer
		if body, a = x.Request(nil, request.Body); a != nil {
			return nil, local(a)
		}
	}
	upstream = edited(request, plan, body)
	status, _ := strconv.Atoi(answer.Start)
	rp := x.ReplyHead(status, answer.Get)
	reply = edited(answer, &gateway.Plan{Edit: rp.Edit}, answer.Body)
	if rp.Status != 0 {
		reply.Start = strconv.Itoa(rp.Status)
	}
	switch rp.Mode {
	case gateway.ReplyLocal:
		return upstream, local(rp.Answer)
	case gateway.ReplyWhole:
		if s.Cut {
			return upstream, local(x.Fault(hub.Cut))
		}
		out, a := x.ReplyWhole(nil, answer.Body)
		if a != nil {
			return upstream, local(a)
		}
		reply.Body = out
	case gateway.ReplyStream:
		reply.Body = c.stream(x, answer.Body, s.Cut)
	}
	return upstream, reply
}

func (c *core) stream(x *gateway.Exchange, body []byte, cut bool) (out []byte) {
	var cuts []int
	if c.cuts != nil {
		cuts = c.cuts(len(body))
	}
	last := 0
	for _, n := range cuts {
		out = x.Reply(out, append([]byte(nil), body[last:n]...), false)
		last = n
	}
	out = x.Reply(out, body[last:], !cut)
	if cut {
		out = x.Abort(out, hub.Cut)
	}
	return out
}

// edited is a message with a plan's header edits made.
func edited(m Message, plan *gateway.Plan, body []byte) *Message {
	out := &Message{Start: m.Start, Body: body}
	if plan.Path != "" {
		method, _, _ := strings.Cut(m.Start, " ")
		out.Start = method + " " + plan.Path
	}
	for _, h := range m.Header {
		if !plan.Edit.Drops(h[0]) && !plan.Edit.Sets(h[0]) {
			out.Header = append(out.Header, h)
		}
	}
	out.Header = append(out.Header, plan.Edit.Set...)
	return out
}

func TestCore(t *testing.T) {
	c := newCore(t)
	if *update {
		list, err := Load()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			upstream, reply := c.Carry(t, s)
			name := "testdata/" + s.Name + ".txtar"
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			upstream, reply = normalized(upstream), normalized(reply)
			if upstream != nil {
				want := s.Upstream
				if want == nil {
					want = &Message{}
				}
				upstream.Header = want.Header
			}
			if len(s.Reply.Header) > 0 {
				reply.Header = s.Reply.Header
			} else {
				reply.Header = [][2]string{{"content-type", reply.Get("content-type")}}
			}
			if err := os.WriteFile(name, format(text, s.Folded, upstream, reply), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	Run(t, c)
}

// Every stream of the table, cut once at every byte and then into single bytes.
func TestCoreIgnoresChunking(t *testing.T) {
	list, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	c := newCore(t)
	for _, s := range list {
		if !s.Answer.IsStream() {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			_, answer := s.Wire()
			c.cuts = nil
			_, whole := c.Carry(t, s) // with the ids that it draws every time
			for i := range answer.Body {
				c.cuts = func(int) []int { return []int{i} }
				upstream, reply := c.Carry(t, s)
				if bytes.Equal(reply.Body, whole.Body) {
					continue
				}
				Compare(t, s, upstream, reply)
				t.Fatalf("when cut at byte %d", i)
			}
			c.cuts = func(n int) (all []int) {
				for i := 1; i < n; i++ {
					all = append(all, i)
				}
				return all
			}
			upstream, reply := c.Carry(t, s)
			Compare(t, s, upstream, reply)
		})
	}
}
