package scenario

import (
	"strconv"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

// wazero carries scenarios through the filter's module in a wazero host that behaves
// as Envoy does, with or without allow_on_headers_stop_iteration.
type wazero struct {
	hosts map[string]*wasmtest.Host
	knob  bool
	// piece is the size in bytes of the pieces in which bodies come; 0 is at once.
	piece int
}

func newWazero(t testing.TB, knob bool, piece int) *wazero {
	t.Helper()
	configs, err := Configs()
	if err != nil {
		t.Fatal(err)
	}
	w := &wazero{hosts: map[string]*wasmtest.Host{}, knob: knob, piece: piece}
	for name, text := range configs {
		w.hosts[name] = wasmtest.New(t, wasmtest.Options{Config: string(text), Knob: knob})
	}
	return w
}

func (w *wazero) Name() string {
	if w.knob {
		return "wazero"
	}
	return "wazero-no-knob"
}

func (w *wazero) Carry(t *testing.T, s *Scenario) (upstream, reply *Message) {
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
		upstream = &Message{m.Get(":method") + " " + m.Get(":path"), m.Header, m.Body()}
	}
	return upstream, &Message{strconv.Itoa(st.Client.Status()), st.Client.Header, st.Client.Body()}
}

func (w *wazero) pieces(b []byte) [][]byte {
	switch {
	case len(b) == 0:
		return nil
	case w.piece == 0:
		return [][]byte{b}
	}
	return wasmtest.Pieces(b, w.piece)
}

// head is a message's head as HTTP/2 and Envoy write it, with the body's length.
func head(m *Message, pseudo ...[2]string) [][2]string {
	out := pseudo
	for _, f := range m.Header {
		out = append(out, [2]string{strings.ToLower(f[0]), f[1]})
	}
	if len(m.Body) > 0 && !m.IsStream() {
		out = append(out, [2]string{"content-length", strconv.Itoa(len(m.Body))})
	}
	return out
}

func TestWazero(t *testing.T) {
	for _, knob := range []bool{true, false} {
		for _, piece := range []int{0, 7} {
			w := newWazero(t, knob, piece)
			t.Run(w.Name()+"/pieces="+strconv.Itoa(piece), func(t *testing.T) { Run(t, w) })
		}
	}
}
