package server

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Message is a request that came another way than as one of HTTP: it is served as a POST
// whose reply nobody but its Keeper is told of.
type Message struct {
	Path string
	// Header is what it says of itself, as a request's does; it is only read.
	Header       http.Header
	Host, Remote string
	// Body belongs to the exchange from then on.
	Body   []byte
	Keeper Keeper
	// Memory, if given, holds what the exchange Needs, which takes it over.
	Memory *memory.Share
}

// Needs is how many bytes the exchange of a message takes at most until it is turned, where all
// may have room.
func Needs(body []byte, room int) int {
	return len(body) + sizeOf(roomFor(len(body))) + reading(body, room)
}

// Run serves a message, and returns when its exchange is over.
func (h *Handler) Run(ctx context.Context, m *Message) {
	c := newCall(h, ctx, newDetached(m), m.Keeper, h.observer.ids.of(m.Header))
	if m.Memory != nil {
		c.holding.share.Reserve(m.Memory, Needs(m.Body, m.Memory.Room()))
	}
	c.runDetached(func() {
		switch action := c.open(); {
		case action == gateway.Local:
			c.answer(c.x.Plan().Answer)
		case c.crowded():
		case action == gateway.Transform:
			c.h.modified.Add(1)
			if c.request() {
				c.ask()
			}
		}
	})
}

// runDetached does the work of a call that no HTTP client waits for, or the rest of it.
func (c *call) runDetached(work func()) {
	defer func() {
		// The sign for net/http to cut the connection: there is none.
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	defer func() { c.finish(recover()) }()
	work()
}

// detach goes on without the client: whoever has it answers it. What it sent is at hand.
func (c *call) detach(ctx context.Context) {
	head := c.client.head()
	c.ctx, c.detached = ctx, true
	c.client = &detached{
		method: head.Method, path: head.Path, host: head.Header("host"), header: c.client.fields(),
		credential: head.Credential, seen: *c.client.traffic(),
	}
}

// detached is the client of an exchange that nobody waits for: what it is sent goes nowhere.
type detached struct {
	method, path, host string
	header             http.Header
	credential         access.Credential
	request            []byte
	seen               traffic
}

func newDetached(m *Message) *detached {
	return &detached{
		method: http.MethodPost, path: m.Path, host: m.Host, header: m.Header, credential: m.Keeper.Credential(), request: m.Body,
		seen: traffic{remote: m.Remote, uri: m.Path, start: time.Now()},
	}
}

func (d *detached) head() gateway.Head {
	return gateway.Head{Method: d.method, Path: d.path, Header: d.field, Credential: d.credential}
}

func (d *detached) field(name string) string {
	if name == "host" {
		return d.host
	}
	return joined(d.header, name)
}

func (d *detached) fields() http.Header { return d.header }

func (d *detached) body(limit int64, share *memory.Share) (*buffer, hub.Fault) {
	if limit > 0 && int64(len(d.request)) > limit {
		return nil, hub.BodyTooLarge
	}
	if !share.Grow(cap(d.request)) {
		return nil, hub.NoMemory
	}
	in := &buffer{b: d.request, share: share, counted: cap(d.request)}
	d.seen.bytesIn, d.request = int64(len(d.request)), nil
	return in, hub.NoFault
}

func (d *detached) answer(a *hub.Answer) {
	d.seen.status, d.seen.wrote = a.Status, true
	d.write(a.Body)
}

func (d *detached) begin(status int, header http.Header, _ hub.HeaderEdit, _ int64) http.Header {
	d.seen.status, d.seen.wrote = status, true
	return header
}

func (d *detached) write(b []byte) bool {
	_, _ = d.seen.write(io.Discard, b)
	return true
}

func (d *detached) send(b []byte) bool { return d.write(b) }

func (d *detached) flush() {}

// SetWriteDeadline has nothing to do: no write waits.
func (d *detached) SetWriteDeadline(time.Time) error { return nil }

func (d *detached) traffic() *traffic { return &d.seen }

var _ client = (*detached)(nil) // interface guard
