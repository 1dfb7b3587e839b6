package agents

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// A front stands between an agent and the gateway and changes nothing: what passes is what the
// agent would see of the gateway itself.
type front struct{ *recorder }

// startFront starts a front for the length of a test.
func startFront(t *testing.T, gateway string) *front {
	t.Helper()
	target, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		FlushInterval: -1,
		// No keep-alive: a connection that the gateway closes while it idles would look like a fault.
		Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	}
	f := &front{}
	f.recorder, err = record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			f.relay(w, r, target)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.server.Close() })
	return f
}

func (f *front) url() string { return "http://" + f.address }

// passed returns all requests so far.
func (f *front) passed(t *testing.T) []*Exchange {
	t.Helper()
	return f.exchanges(t, func(*Exchange) bool { return true })
}

// messageLimit is the longest WebSocket message that passes.
const messageLimit = 64 << 20

// relay passes the messages of a WebSocket both ways until one side ends it.
func (f *front) relay(w http.ResponseWriter, r *http.Request, target *url.URL) {
	e := r.Context().Value(exchangeKey{}).(*Exchange)
	header := r.Header.Clone()
	for name := range header {
		if strings.HasPrefix(name, "Sec-Websocket-") || name == "Connection" || name == "Upgrade" {
			delete(header, name)
		}
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	server, refusal, err := websocket.Dial(ctx, target.JoinPath(r.URL.Path).String(), &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		if refusal == nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		body := make([]byte, 1024) // as much as the library keeps
		n, _ := refusal.Body.Read(body)
		w.Header().Set("Content-Type", refusal.Header.Get("Content-Type"))
		w.WriteHeader(refusal.StatusCode)
		_, _ = w.Write(body[:n])
		return
	}
	defer server.CloseNow()
	client, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer client.CloseNow()
	server.SetReadLimit(messageLimit)
	client.SetReadLimit(messageLimit)
	ended := make(chan struct{}, 2)
	go f.pump(ctx, ended, client, server, &e.Sent)
	go f.pump(ctx, ended, server, client, &e.Received)
	<-ended
	cancel()
	<-ended
}

// pump passes messages from one side to the other, and its close with the reason.
func (f *front) pump(ctx context.Context, ended chan<- struct{}, from, to *websocket.Conn, kept *[][]byte) {
	defer func() { ended <- struct{}{} }()
	for {
		kind, message, err := from.Read(ctx)
		if err != nil {
			if code := websocket.CloseStatus(err); code != -1 {
				_ = to.Close(code, "")
			}
			return
		}
		f.mu.Lock()
		*kept = append(*kept, message)
		f.mu.Unlock()
		if to.Write(ctx, kind, message) != nil {
			return
		}
	}
}
