package carrier

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/qwenvoy/qwenvoy/e2e/scenario"
)

// Simulator plays the upstream's part by scripts in a simulator that runs with
// --control. URL is where this process reaches it.
type Simulator struct{ URL string }

var _ Upstream = Simulator{}

var scripts atomic.Int64

// Play implements Upstream.
func (p Simulator) Play(t *testing.T, s *scenario.Scenario) (header [2]string, got func() *scenario.Message) {
	t.Helper()
	_, answer := s.Wire()
	script := struct {
		Status  int         `json:"status"`
		Headers [][2]string `json:"headers"`
		Chunks  [][]byte    `json:"chunks_base64"`
		End     string      `json:"end"`
	}{http.StatusTeapot, answer.Header, [][]byte{}, "normal"}
	if s.Upstream != nil { // else nothing is to arrive
		var err error
		if script.Status, err = strconv.Atoi(answer.Start); err != nil {
			t.Fatalf("the answer's status is %q", answer.Start)
		}
	}
	if len(answer.Body) > 0 {
		script.Chunks = append(script.Chunks, answer.Body)
	}
	if s.Cut {
		script.End = "cut"
	}
	text, err := json.Marshal(script)
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("scenario-%d", scripts.Add(1))
	url := p.URL + "/simulator/scripts/" + id
	p.call(t, "PUT", url, text, nil)
	t.Cleanup(func() { p.call(t, "DELETE", url, nil, nil) })
	return [2]string{"x-simulate-script", id}, func() *scenario.Message {
		t.Helper()
		var log struct {
			Requests []struct {
				Method, Path string
				Headers      [][2]string
				Body         []byte `json:"body_base64"`
			}
		}
		p.call(t, "GET", url, nil, &log)
		switch len(log.Requests) {
		case 0:
			return nil
		case 1:
			r := log.Requests[0]
			return &scenario.Message{Start: r.Method + " " + r.Path, Header: r.Headers, Body: r.Body}
		}
		t.Fatalf("%d requests reached the upstream", len(log.Requests))
		return nil
	}
}

func (p Simulator) call(t *testing.T, method, url string, body []byte, into any) {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body)) // not the test's context: it is over in Cleanup
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("the simulator: %v", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > 299 {
		t.Fatalf("the simulator: %s %s: %s %s (%v)", method, url, resp.Status, text, err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("the simulator: %v in %s", err, text)
		}
	}
}
