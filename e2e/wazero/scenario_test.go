package wazero_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/e2e/scenario"
	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

// carrier carries scenarios through the filter's module in a wazero host that behaves
// as Envoy does, with or without allow_on_headers_stop_iteration.
type carrier struct {
	hosts map[string]*wasmtest.Host
	knob  bool
	// piece is the size in bytes of the pieces in which bodies come; 0 is at once.
	piece int
}

func newCarrier(t testing.TB, knob bool, piece int) *carrier {
	t.Helper()
	configs, err := scenario.Configs()
	if err != nil {
		t.Fatal(err)
	}
	w := &carrier{hosts: map[string]*wasmtest.Host{}, knob: knob, piece: piece}
	for name, text := range configs {
		w.hosts[name] = wasmtest.New(t, wasmtest.Options{Config: string(text), Knob: knob})
	}
	return w
}

func (w *carrier) Name() string {
	if w.knob {
		return "wazero"
	}
	return "wazero-no-knob"
}

func (w *carrier) Carry(t *testing.T, s *scenario.Scenario) (upstream, reply *scenario.Message) {
	t.Helper()
	h := w.hosts[s.Config]
	if h == nil {
		t.Fatalf("there is no configuration %q", s.Config)
	}
	request, answer := s.Wire()
	method, path, _ := strings.Cut(request.Start, " ")
	r := wasmtest.Request{Header: head(&request, [2]string{":method", method}, [2]string{":path", path}), Body: w.pieces(request.Body)}
	st := h.Exchange(t, r, func(*wasmtest.Message) wasmtest.Reply {
		return wasmtest.Reply{Header: head(&answer, [2]string{":status", answer.Start}), Body: w.pieces(answer.Body), Gone: s.Cut}
	})
	if m := &st.Upstream; m.Ended {
		upstream = &scenario.Message{Start: m.Get(":method") + " " + m.Get(":path"), Header: m.Header, Body: m.Body()}
	}
	return upstream, &scenario.Message{Start: strconv.Itoa(st.Client.Status()), Header: st.Client.Header, Body: st.Client.Body()}
}

func (w *carrier) pieces(b []byte) [][]byte {
	switch {
	case len(b) == 0:
		return nil
	case w.piece == 0:
		return [][]byte{b}
	}
	return wasmtest.Pieces(b, w.piece)
}

// head is a message's head as HTTP/2 and Envoy write it, with the body's length.
func head(m *scenario.Message, pseudo ...[2]string) [][2]string {
	out := pseudo
	for _, f := range m.Header {
		out = append(out, [2]string{strings.ToLower(f[0]), f[1]})
	}
	if len(m.Body) > 0 && !m.IsStream() {
		out = append(out, [2]string{"content-length", strconv.Itoa(len(m.Body))})
	}
	return out
}

func TestScenarios(t *testing.T) {
	for _, knob := range []bool{true, false} {
		for _, piece := range []int{0, 7} {
			w := newCarrier(t, knob, piece)
			t.Run(w.Name()+"/pieces="+strconv.Itoa(piece), func(t *testing.T) { scenario.Run(t, w) })
		}
	}
}
