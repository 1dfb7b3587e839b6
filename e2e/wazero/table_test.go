package wazero

import (
	"strconv"
	"strings"
	"testing"

	carriers "github.com/qwenvoy/qwenvoy/e2e/carrier"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

// carrier takes scenarios through the filter, one VM per configuration as in Envoy.
type carrier struct {
	name  string
	hosts map[string]*wasmtest.Host
	// pieces cuts a body as the network might.
	pieces func(body []byte) [][]byte
}

func newCarrier(t *testing.T, name string, knob bool) *carrier {
	t.Helper()
	configs, err := scenario.Configs()
	if err != nil {
		t.Fatal(err)
	}
	c := &carrier{name: name, hosts: map[string]*wasmtest.Host{}, pieces: func(b []byte) [][]byte { return [][]byte{b} }}
	for config, text := range configs {
		c.hosts[config] = wasmtest.New(t, wasmtest.Options{Config: string(text), Knob: knob})
	}
	return c
}

func (c *carrier) Name() string { return c.name }

func (c *carrier) Carry(t *testing.T, s *scenario.Scenario) (upstream, reply *scenario.Message) {
	t.Helper()
	h := c.hosts[s.Config]
	if h == nil {
		t.Fatalf("there is no configuration %q", s.Config)
	}
	request, answer := s.Wire()
	out := h.Exchange(t, c.request(&request), func(*wasmtest.Message) wasmtest.Reply {
		r := wasmtest.Reply{Header: head(":status", answer.Start, answer.Header), Gone: s.Cut}
		if len(answer.Body) > 0 {
			r.Body = c.pieces(answer.Body)
		}
		if !answer.IsStream() && !s.Cut {
			r.Header = append(r.Header, [2]string{"content-length", strconv.Itoa(len(answer.Body))})
		}
		return r
	})
	if out.Upstream.Ended {
		upstream = &scenario.Message{
			Start:  out.Upstream.Get(":method") + " " + out.Upstream.Get(":path"),
			Header: out.Upstream.Header, Body: out.Upstream.Body(),
		}
	}
	if !out.Client.Ended {
		t.Errorf("the client's reply did not end (cut: %t)", out.Client.Reset)
	}
	return upstream, &scenario.Message{Start: out.Client.Get(":status"), Header: out.Client.Header, Body: out.Client.Body()}
}

func (c *carrier) request(m *scenario.Message) wasmtest.Request {
	method, path, _ := strings.Cut(m.Start, " ")
	r := wasmtest.Request{Header: append([][2]string{{":method", method}, {":path", path}, {":authority", "qwenvoy.test"}}, head("", "", m.Header)...)}
	if method == "GET" {
		return r
	}
	r.Header = append(r.Header, [2]string{"content-length", strconv.Itoa(len(m.Body))})
	if len(m.Body) > 0 { // Envoy ends a request of no bytes with its head
		r.Body = c.pieces(m.Body)
	}
	return r
}

// head is a message's header as Envoy hands it over: a first pseudo field, names in lower case.
func head(first, value string, header [][2]string) [][2]string {
	var out [][2]string
	if first != "" {
		out = append(out, [2]string{first, value})
	}
	for _, h := range header {
		out = append(out, [2]string{strings.ToLower(h[0]), h[1]})
	}
	return out
}

func TestFilterInWazero(t *testing.T) {
	scenario.Run(t, newCarrier(t, "wazero", true))
}

func TestFilterInWazeroWithoutTheKnob(t *testing.T) {
	c := newCarrier(t, "wazero-no-knob", false)
	scenario.Run(t, c)
	t.Run("errors keep the status that is out", func(t *testing.T) { carriers.RunStatusExceptions(t, c) })
}

// Bodies that arrive in small pieces, multi-byte characters and line ends torn apart.
func TestFilterInWazeroIgnoresChunking(t *testing.T) {
	for name, knob := range map[string]bool{"wazero": true, "wazero-no-knob": false} {
		t.Run(name, func(t *testing.T) {
			c := newCarrier(t, name, knob)
			for _, size := range []int{1, 7} {
				c.pieces = func(b []byte) [][]byte { return wasmtest.Pieces(b, size) }
				t.Run(strconv.Itoa(size), func(t *testing.T) { scenario.Run(t, c) })
			}
		})
	}
}
