package carrier

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/qwenvoy/qwenvoy/e2e/scenario"
	"github.com/qwenvoy/qwenvoy/e2e/upstream"
)

// InProcess plays the upstream's part in the test's own process.
type InProcess struct{ Server *upstream.Server }

var _ Upstream = InProcess{}

// Play implements Upstream.
func (p InProcess) Play(t *testing.T, s *scenario.Scenario) (header [2]string, got func() *scenario.Message) {
	_, answer := s.Wire()
	status, err := strconv.Atoi(answer.Start)
	if err != nil && s.Upstream != nil {
		t.Fatalf("the answer's status is %q", answer.Start)
	}
	var mu sync.Mutex
	var arrived *scenario.Message
	id := p.Server.Add(func(w http.ResponseWriter, r *http.Request) {
		m := message(r.Method+" "+r.RequestURI, r.Header)
		var err error
		if m.Body, err = io.ReadAll(r.Body); err != nil {
			return // what the gateway gave up did not arrive
		}
		mu.Lock()
		arrived = m
		mu.Unlock()
		if status == 0 {
			status = http.StatusTeapot // nothing was to arrive here
		}
		w.Header()["Content-Type"] = nil // none but the scenario's
		for _, h := range answer.Header {
			w.Header().Set(h[0], h[1])
		}
		if !answer.IsStream() && !s.Cut {
			w.Header().Set("content-length", strconv.Itoa(len(answer.Body)))
		}
		w.WriteHeader(status)
		_, _ = w.Write(answer.Body)
		_ = http.NewResponseController(w).Flush()
		if s.Cut {
			panic(http.ErrAbortHandler)
		}
	})
	return [2]string{upstream.Header, id}, func() *scenario.Message {
		mu.Lock()
		defer mu.Unlock()
		return arrived
	}
}
