package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// forward sends a request and its reply on untouched, upgrades included.
func (c *call) forward(cl *httpClient) {
	p := &passage{client: cl, leg: &c.leg, log: &c.log, refusal: &c.refusal, x: c.x, target: cl.path, announce: func() {}}
	if path := c.x.Plan().Path; path != "" {
		p.target = path
	}
	defer func() { c.failed(p.failure) }()
	r := cl.r.WithContext(context.WithValue(c.leg.begin(c.ctx), passageKey{}, p))
	body, _ := r.Body.(*requestBody)
	if body != nil {
		body.lend()
		p.announce = body.announce
	}
	c.st.pass.ServeHTTP(&counter{ResponseWriter: cl.w, seen: &cl.seen, noHints: !r.ProtoAtLeast(1, 1)}, r)
	if p.err == nil {
		return
	}
	if body != nil {
		body.announce()
	}
	if p.answer != nil {
		c.answer(p.answer)
		return
	}
	if body != nil {
		if f := cl.bodyFault(body.failed()); f != hub.NoFault {
			c.answer(c.x.Fault(f))
			return
		}
	}
	c.unreached(c.attempts.noReply(p.err))
}

// passage is what the reverse proxy's hooks need to know of their request, and what they
// find out about it.
type passage struct {
	client   *httpClient
	leg      *leg
	log      *bodyLog
	refusal  *refusal
	x        *gateway.Exchange
	target   string
	err      error       // no reply came
	answer   *hub.Answer // in place of the one that came
	announce func()      // right before the reply's head
	failure  string      // reading the reply failed: the log's word for it
}

// errReplaced: the reply that came is not the one that goes out.
var errReplaced = errors.New("the reply is replaced")

type passageKey struct{}

func passageOf(r *http.Request) *passage { return r.Context().Value(passageKey{}).(*passage) }

// newPass makes the proxy for what names no model, which goes to the default upstream.
func (st *state) newPass(log *slog.Logger) *httputil.ReverseProxy {
	b := st.main
	return &httputil.ReverseProxy{
		Transport:     b.client.Transport,
		FlushInterval: -1,
		BufferPool:    passBuffers{},
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Rewrite: func(pr *httputil.ProxyRequest) {
			p := passageOf(pr.In)
			pr.Out.URL = b.client.URL(p.target)
			pr.Out.Host = b.client.Host()
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
			upstream.EditHeader(pr.Out.Header, p.x.Plan().Edit)
			p.log.whole("request passed on", pr.Out.Header, nil)
		},
		ModifyResponse: func(resp *http.Response) error {
			p := passageOf(resp.Request)
			b.answered(resp.StatusCode)
			p.refusal.head(resp.StatusCode, resp.Header)
			rp := p.x.ReplyHead(resp.StatusCode, func(name string) string { return joined(resp.Header, name) })
			if p.answer = rp.Answer; p.answer != nil {
				return errReplaced
			}
			mendLocations(resp.Header, b.client, p.client.r.Host)
			upstream.EditHeader(resp.Header, rp.Edit)
			p.announce()
			p.log.whole("reply passed on", resp.Header, nil)
			if resp.StatusCode != http.StatusSwitchingProtocols {
				p.leg.watch(st.idle, p.client)
				resp.Body = &watched{ReadCloser: resp.Body, p: p}
			}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) { passageOf(r).err = err },
	}
}

// watched keeps the idle timer running while a passed reply is read.
type watched struct {
	io.ReadCloser
	p *passage
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.ReadCloser.Read(b)
	if n > 0 {
		w.p.leg.alive()
		w.p.refusal.take(b[:n])
		w.p.log.received("reply passed on", b[:n])
	}
	if err != nil && err != io.EOF && w.p.failure == "" {
		_, w.p.failure = w.p.leg.cut()
	}
	return n, err
}

// passBuffers lends the reverse proxy its copy buffers.
type passBuffers struct{}

const passBuffer = 16 << 10

func (passBuffers) Get() []byte {
	b := newBuffer(passBuffer)
	return b.b[:cap(b.b)]
}

func (passBuffers) Put(b []byte) { (&buffer{b: b}).free() }

var _ httputil.BufferPool = passBuffers{} // interface guard
