package vllm

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// Request headers that a recorder knows: the name to keep an exchange by, and the most
// tokens that the real server may be asked for.
const (
	recordHeader = "x-test-record"
	capHeader    = "x-test-cap"
)

// An exchange is what went to and fro between an edge and the real server.
type exchange struct {
	method, path string
	request      []byte
	status       int
	header       http.Header
	reply        bytes.Buffer
	// left is closed when the edge gives up before the reply's end.
	left chan struct{}
}

// A recorder stands between the edges and the real server and changes nothing, but for
// the cap.
type recorder struct {
	*httptest.Server
	mu        sync.Mutex
	exchanges map[string]*exchange
}

func newRecorder(vllm string) (*recorder, error) {
	target, err := url.Parse(vllm)
	if err != nil {
		return nil, err
	}
	r := &recorder{exchanges: map[string]*exchange{}}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(target) },
		// vLLM closes idle connections after 4.5 s.
		Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		ModifyResponse: func(resp *http.Response) error {
			if x, ok := resp.Request.Context().Value(recordKey{}).(*exchange); ok {
				x.status, x.header = resp.StatusCode, resp.Header.Clone()
				resp.Body = tee{io.TeeReader(resp.Body, &x.reply), resp.Body}
			}
			return nil
		},
	}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name := req.Header.Get(recordHeader)
		if name == "" {
			proxy.ServeHTTP(w, req)
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the edge gave up
		}
		x := &exchange{method: req.Method, path: req.RequestURI, request: body, left: make(chan struct{})}
		r.mu.Lock()
		r.exchanges[name] = x
		r.mu.Unlock()
		ended := make(chan struct{})
		defer close(ended)
		go func() {
			select {
			case <-ended:
			case <-req.Context().Done():
				close(x.left)
			}
		}()
		most, _ := strconv.Atoi(req.Header.Get(capHeader)) // absent: no cap
		body = capped(body, int64(most))
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		proxy.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), recordKey{}, x)))
	}))
	return r, nil
}

// take returns what was recorded under a name, nil for nothing. All of it may be read
// once the client has the whole reply; left at any time.
func (r *recorder) take(name string) *exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.exchanges[name]
	delete(r.exchanges, name)
	return x
}

// capped asks for at most so many tokens; 0 is no cap.
func capped(body []byte, most int64) []byte {
	if most == 0 || !gjson.ValidBytes(body) || !gjson.GetBytes(body, "@this").IsObject() {
		return body
	}
	for _, name := range []string{"max_completion_tokens", "max_tokens"} {
		if v := gjson.GetBytes(body, name); v.Type == gjson.Number && v.Num > 0 && v.Num <= float64(most) {
			return body
		}
	}
	body, _ = sjson.DeleteBytes(body, "max_completion_tokens")
	out, err := sjson.SetBytes(body, "max_tokens", most)
	if err != nil {
		return body
	}
	return out
}

// recordKey is the context key of a request's exchange.
type recordKey struct{}

type tee struct {
	io.Reader
	io.Closer
}
