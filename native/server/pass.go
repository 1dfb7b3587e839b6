package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// forward sends a request and its reply on untouched, upgrades included.
func (c *call) forward(plan *gateway.Plan, target string) {
	if plan.Path != "" {
		target = plan.Path
	}
	// Else the server would close the body at the reply's first byte while the
	// transport still reads it, and the upstream's connection be dropped with it.
	_ = http.NewResponseController(c.w).EnableFullDuplex()
	p := &passage{call: c, plan: plan, target: target}
	ctx := context.WithValue(c.begin(), passageKey{}, p)
	r := c.r.WithContext(ctx)
	if r.ContentLength != 0 {
		r.Body = &passedBody{ReadCloser: r.Body, p: p}
	}
	c.st.pass.ServeHTTP(&counter{ResponseWriter: c.w, c: c}, r)
}

// passage is what the reverse proxy's hooks need to know of their request.
type passage struct {
	*call
	plan   *gateway.Plan
	target string
	broken atomic.Bool // the client's body could not be read
}

// passedBody notes on the transport's goroutine that the client's body is broken.
type passedBody struct {
	io.ReadCloser
	p *passage
}

func (b *passedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && err != http.ErrBodyReadAfterClose {
		b.p.broken.Store(true)
	}
	return n, err
}

type passageKey struct{}

func passageOf(r *http.Request) *passage { return r.Context().Value(passageKey{}).(*passage) }

func (st *state) newPass(log *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:     st.client.Transport,
		FlushInterval: -1,
		BufferPool:    passBuffers{},
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Rewrite: func(pr *httputil.ProxyRequest) {
			p := passageOf(pr.In)
			pr.Out.URL = st.client.URL(p.target)
			pr.Out.Host = st.client.Host()
			// What stood in front of us said these; they are not ours to drop.
			for _, name := range [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if v, ok := pr.In.Header[name]; ok {
					pr.Out.Header[name] = v
				}
			}
			if u, ok := pr.Out.Header["Upgrade"]; ok && !strings.EqualFold(u[0], "websocket") {
				// A tunnel of another kind, such as h2c, would carry requests past us.
				pr.Out.Header.Del("Upgrade")
				pr.Out.Header.Del("Connection")
			}
			edit(pr.Out.Header, p.plan.Drop, p.plan.Set)
			p.logComplete("request passed on", pr.Out.Header, nil)
		},
		ModifyResponse: func(resp *http.Response) error {
			p := passageOf(resp.Request)
			for _, name := range [...]string{"Location", "Content-Location"} {
				if v := resp.Header.Get(name); v != "" {
					resp.Header.Set(name, st.client.Location(v, p.r.Host))
				}
			}
			p.logComplete("reply passed on", resp.Header, nil)
			if resp.StatusCode != http.StatusSwitchingProtocols {
				p.watch()
				resp.Body = &watched{ReadCloser: resp.Body, c: p.call}
			}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) {
			p := passageOf(r)
			if p.broken.Load() && p.r.Context().Err() == nil {
				p.badBody(hub.BrokenBody)
				return
			}
			p.unreachable(err)
		},
	}
}

// watched keeps the idle timer running while a passed reply is read.
type watched struct {
	io.ReadCloser
	c *call
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.c.alive()
		w.c.logChunk("reply passed on", p[:n])
	}
	if err != nil && err != io.EOF {
		w.c.fault()
	}
	return n, err
}

// counter notes status and size of a passed reply for the log. Unwrap lets
// http.ResponseController reach flush and hijack.
type counter struct {
	http.ResponseWriter
	c *call
}

func (w *counter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.c.status, w.c.wrote = status, true
		leaveTypeOut(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *counter) Write(p []byte) (int, error) {
	w.c.wrote = true
	if w.c.status == 0 {
		w.c.status = http.StatusOK
	}
	if w.c.firstByte == 0 {
		w.c.firstByte = time.Since(w.c.start)
	}
	n, err := w.ResponseWriter.Write(p)
	w.c.bytesOut += int64(n)
	return n, err
}

func (w *counter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// passBuffers lends the reverse proxy its copy buffers.
type passBuffers struct{}

const passBuffer = 16 << 10

func (passBuffers) Get() []byte {
	b := newBuffer(passBuffer)
	return b.b[:cap(b.b)]
}

func (passBuffers) Put(b []byte) { (&buffer{b: b}).free() }

// interface guards
var (
	_ http.ResponseWriter = (*counter)(nil)
	_ httputil.BufferPool = passBuffers{}
)
