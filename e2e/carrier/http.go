// Package carrier takes the scenario table over HTTP: through the native binary or
// Envoy, as processes or in containers. It imports e2e/scenario and e2e/upstream.
package carrier

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/e2e/scenario"
)

// An Upstream is a model server that plays a scenario's part.
type Upstream interface {
	// Play prepares the scenario's answer for the request that carries header, and
	// returns got, which tells what arrived with it; nil for nothing.
	Play(t *testing.T, s *scenario.Scenario) (header [2]string, got func() *scenario.Message)
}

// HTTP is a carrier over HTTP.
type HTTP struct {
	// Title is what a scenario's "except" calls it.
	Title string
	// Bases holds the URL of the edge for each configuration of the table, by name.
	Bases    map[string]string
	Upstream Upstream
	// Client sends the requests.
	Client *http.Client
}

var _ scenario.Carrier = (*HTTP)(nil)

// NewClient returns a client that shows replies as they are: it asks for no compression
// and follows no redirect. h2c makes it speak HTTP/2 without TLS.
func NewClient(h2c bool) *http.Client {
	transport := &http.Transport{DisableCompression: true, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!h2c)
	transport.Protocols.SetUnencryptedHTTP2(h2c)
	return &http.Client{
		Transport:     transport,
		Timeout:       time.Minute, // a hang is a failure, not the end of the test run
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Name implements scenario.Carrier.
func (c *HTTP) Name() string { return c.Title }

// Carry implements scenario.Carrier.
func (c *HTTP) Carry(t *testing.T, s *scenario.Scenario) (upstream, reply *scenario.Message) {
	t.Helper()
	base := c.Bases[s.Config]
	if base == "" {
		t.Fatalf("there is no configuration %q", s.Config)
	}
	request, _ := s.Wire()
	if request.Get("upgrade") != "" && c.Client.Transport.(*http.Transport).Protocols.UnencryptedHTTP2() {
		t.Skip("HTTP/2 has no upgrade header")
	}
	mark, got := c.Upstream.Play(t, s)
	method, path, _ := strings.Cut(request.Start, " ")
	var body io.Reader
	if len(request.Body) > 0 {
		body = bytes.NewReader(request.Body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range append(request.Header, mark) {
		r.Header.Set(h[0], h[1])
	}
	resp, err := c.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	reply = message(resp.Status[:3], resp.Header)
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return got(), reply // what follows is no body and has no end
	}
	if reply.Body, err = io.ReadAll(resp.Body); err != nil {
		t.Errorf("the client's reply broke off: %v", err)
	}
	return got(), reply
}

// RunStatusExceptions runs the scenarios that the carrier is excepted from because the
// status is out before the body is read: all but the status must be as the table says.
func RunStatusExceptions(t *testing.T, c scenario.Carrier) {
	t.Helper()
	list, err := scenario.Load()
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, s := range list {
		if !strings.HasPrefix(s.Except[c.Name()], "the status is out") {
			continue
		}
		ran++
		t.Run(s.Name, func(t *testing.T) {
			upstream, reply := c.Carry(t, s)
			late := *s
			late.Reply.Start = s.Answer.Start
			scenario.Compare(t, &late, upstream, reply)
		})
	}
	if ran == 0 {
		t.Errorf("no scenario excepts %s for its status", c.Name())
	}
}

func message(start string, header http.Header) *scenario.Message {
	m := &scenario.Message{Start: start}
	for name, values := range header {
		m.Header = append(m.Header, [2]string{name, strings.Join(values, ", ")})
	}
	return m
}
