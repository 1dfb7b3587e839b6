package scenario

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A Carrier takes a scenario's request through one form of Qwenvoy.
type Carrier interface {
	// Name is what a scenario's "except" calls it.
	Name() string
	// Carry sends the scenario's request, lets the upstream give its answer, and returns
	// what the upstream got (nil for nothing) and what the client got. It calls t.Fatal
	// when that can't be done. Request and answer bodies come from Wire.
	Carry(t *testing.T, s *Scenario) (upstream, reply *Message)
}

// Run runs the table over a carrier.
func Run(t *testing.T, c Carrier) {
	t.Helper()
	list, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("the table is empty")
	}
	for _, s := range list {
		t.Run(s.Name, func(t *testing.T) {
			if reason := s.Except[c.Name()]; reason != "" {
				t.Skipf("%s differs by design: %s", c.Name(), reason)
			}
			upstream, reply := c.Carry(t, s)
			Compare(t, s, upstream, reply)
		})
	}
}

// Compare checks what arrived against what the scenario says.
func Compare(t *testing.T, s *Scenario, upstream, reply *Message) {
	t.Helper()
	upstream, reply = normalized(upstream), normalized(reply)
	switch {
	case s.Upstream == nil && upstream != nil:
		t.Errorf("nothing must reach the upstream, but %s did", upstream.Start)
	case s.Upstream != nil && upstream == nil:
		t.Error("nothing reached the upstream")
	case s.Upstream != nil:
		compareMessage(t, "upstream", s.Upstream, upstream)
	}
	compareMessage(t, "reply", &s.Reply, reply)
}

func compareMessage(t *testing.T, what string, want, got *Message) {
	t.Helper()
	if got.Start != want.Start {
		t.Errorf("%s: got %s, want %s", what, got.Start, want.Start)
	}
	for _, h := range want.Header {
		if name, absent := strings.CutPrefix(h[0], "!"); absent {
			if v := got.Get(name); v != "" {
				t.Errorf("%s: header %s must be absent, is %q", what, name, v)
			}
		} else if v := got.Get(h[0]); v != h[1] {
			t.Errorf("%s: header %s is %q, want %q", what, h[0], v, h[1])
		}
	}
	if diff := cmp.Diff(string(want.Body), string(got.Body)); diff != "" {
		t.Errorf("%s body (-want +got):\n%s", what, diff)
	}
}

// Wire returns the request's and the answer's body as they go over the wire, with the
// header that a compressed one has.
func (s *Scenario) Wire() (request, answer Message) {
	request, answer = s.Request, s.Answer
	if s.GzipRequest {
		request = compressed(request)
	}
	if s.GzipAnswer {
		answer = compressed(answer)
	}
	return request, answer
}

func compressed(m Message) Message {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(m.Body) // to memory: can't fail
	_ = z.Close()
	m.Body = b.Bytes()
	m.Header = append(m.Header[:len(m.Header):len(m.Header)], [2]string{"content-encoding", "gzip"})
	return m
}
