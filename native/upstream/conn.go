package upstream

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// The direct way to a plain HTTP/1.1 upstream: one connection serves one request
// at a time on the goroutine that asks, where net/http.Transport needs two more
// goroutines per connection and copies each body twice. Replies are read by
// net/http's own parser.

// Sizes in bytes.
const (
	readBuffer = 4 << 10
	readAhead  = 32 << 10
	maxHead    = 1 << 20
	// A body of this size or less is written before the reply is read: it fits
	// into socket buffers, so an upstream that answers without reading can't stall it.
	writeFirst = 128 << 10
	// keptHead is the largest head buffer that is kept for the next request.
	keptHead = 64 << 10
)

type conn struct {
	net.Conn
	pool *pool
	br   *bufio.Reader
	raw  syscall.RawConn
	// ahead is what a busy upstream has sent beyond br's buffer, within lent.
	ahead []byte
	lent  *[readAhead]byte
	full  bool // the last read filled br's buffer: more is waiting
	left  int  // bytes that a head may still have; -1: not in a head
	since time.Time
	parts [2][]byte // what net.Buffers points to
	bufs  net.Buffers
}

// Read is for br. It limits a reply's head. And while more comes than br's small
// buffer holds, it reads through a large one that is borrowed for as long: slow
// streams need little memory, fast ones few system calls.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.ahead) > 0 {
		n := copy(p, c.ahead)
		if c.ahead = c.ahead[n:]; len(c.ahead) == 0 {
			c.freeAhead()
		}
		return n, nil
	}
	if c.left >= 0 {
		if c.left == 0 {
			return 0, errHeadTooLarge
		}
		n, err := c.Conn.Read(p[:min(len(p), c.left)])
		c.left -= n
		c.full = n == len(p)
		return n, err
	}
	if !c.full {
		n, err := c.Conn.Read(p)
		c.full = n == len(p)
		return n, err
	}
	c.lent = aheads.Get().(*[readAhead]byte)
	n, err := c.Conn.Read(c.lent[:])
	c.full = n == readAhead
	c.ahead = c.lent[:n]
	if n == 0 {
		c.freeAhead()
		return 0, err
	}
	n = copy(p, c.ahead)
	if c.ahead = c.ahead[n:]; len(c.ahead) == 0 {
		c.freeAhead()
	}
	return n, err
}

var aheads = sync.Pool{New: func() any { return new([readAhead]byte) }}

func (c *conn) freeAhead() {
	c.ahead = nil
	if c.lent != nil {
		aheads.Put(c.lent)
		c.lent = nil
	}
}

// exchange writes a request and reads the reply's head. again: nothing was written,
// so that the request may be sent on another connection.
func (c *conn) exchange(ctx context.Context, r *Request, head []byte) (reply *Reply, again bool, err error) {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	fail := func(err error) (*Reply, bool, error) {
		stop()
		_ = c.Close()
		if cause := context.Cause(ctx); cause != nil {
			return nil, false, cause
		}
		return nil, false, err
	}
	var sent chan struct{}
	if len(r.Body) <= writeFirst {
		n, err := c.write(head, r.Body)
		if err != nil {
			if n == 0 && ctx.Err() == nil {
				stop()
				_ = c.Close()
				return nil, true, err
			}
			// It may have answered before it closed.
			if reply, _, err := c.readHead(r, stop, nil); err == nil {
				reply.keep = false
				return reply, false, nil
			}
			return fail(err)
		}
	} else {
		sent = make(chan struct{})
		head = append([]byte(nil), head...)
		go func() {
			defer close(sent)
			// An upstream that answers early need not read on; what matters is its reply.
			_, _ = c.write(head, r.Body)
		}()
	}
	if reply, _, err = c.readHead(r, stop, sent); err != nil {
		reply, again, err = fail(err)
		if sent != nil {
			<-sent
		}
		return reply, again, err
	}
	return reply, false, nil
}

func (c *conn) write(head, body []byte) (int64, error) {
	c.parts = [2][]byte{head, body}
	c.bufs = c.parts[:]
	n, err := c.bufs.WriteTo(c.Conn)
	c.parts = [2][]byte{}
	return n, err
}

func (c *conn) readHead(r *Request, stop func() bool, sent chan struct{}) (*Reply, bool, error) {
	if d := c.pool.firstByte; d > 0 {
		_ = c.SetReadDeadline(time.Now().Add(d))
		defer func() { _ = c.SetReadDeadline(time.Time{}) }()
	}
	c.left = maxHead
	defer func() { c.left = -1 }()
	var req *http.Request // nil is GET to ReadResponse
	if r.Method == http.MethodHead {
		req = &http.Request{Method: r.Method}
	}
	for {
		resp, err := http.ReadResponse(c.br, req)
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, false, err
		}
		if resp.StatusCode >= 100 && resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue // 100, 103: the reply is yet to come
		}
		return &Reply{
			Status: resp.StatusCode, Header: resp.Header, Length: resp.ContentLength,
			body: resp.Body, conn: c, stop: stop, sent: sent,
			keep: !resp.Close && resp.StatusCode != http.StatusSwitchingProtocols,
		}, false, nil
	}
}

// pool keeps connections that no request uses, the latest on top.
type pool struct {
	address   string
	dialer    net.Dialer
	keep      time.Duration // how long an unused connection lives; 0: without end
	firstByte time.Duration
	heads     buffers

	mu     sync.Mutex
	conns  []*conn
	closed bool
	sweep  *time.Timer
}

func (p *pool) get(ctx context.Context) (c *conn, reused bool, err error) {
	now := time.Now()
	for {
		c := p.pop()
		if c == nil {
			break
		}
		if (p.keep == 0 || now.Sub(c.since) < p.keep) && c.alive() {
			return c, true, nil
		}
		_ = c.Close()
	}
	nc, err := p.dialer.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, false, err
	}
	c = &conn{Conn: nc, pool: p, left: -1}
	c.br = bufio.NewReaderSize(c, readBuffer)
	if sc, ok := nc.(syscall.Conn); ok {
		c.raw, _ = sc.SyscallConn()
	}
	return c, false, nil
}

func (p *pool) pop() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.conns) == 0 {
		return nil
	}
	c := p.conns[len(p.conns)-1]
	p.conns[len(p.conns)-1] = nil
	p.conns = p.conns[:len(p.conns)-1]
	return c
}

func (p *pool) put(c *conn) {
	c.since = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return
	}
	p.conns = append(p.conns, c)
	if p.keep > 0 && p.sweep == nil {
		p.sweep = time.AfterFunc(p.keep, p.expire)
	}
}

// expire closes what was unused for too long; the oldest lie at the bottom.
func (p *pool) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	n := 0
	for n < len(p.conns) && now.Sub(p.conns[n].since) >= p.keep {
		_ = p.conns[n].Close()
		n++
	}
	p.conns = append(p.conns[:0], p.conns[n:]...)
	clear(p.conns[len(p.conns):cap(p.conns)])
	if len(p.conns) == 0 {
		p.sweep = nil
		return
	}
	p.sweep.Reset(p.keep - now.Sub(p.conns[0].since))
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
	if p.sweep != nil {
		p.sweep.Stop()
	}
}

// buffers keeps the buffers that request heads are written in.
type buffers struct{ pool sync.Pool }

type headBuffer struct{ b []byte }

func (b *buffers) get() *headBuffer {
	if h, ok := b.pool.Get().(*headBuffer); ok {
		return h
	}
	return &headBuffer{b: make([]byte, 0, 1<<10)}
}

func (b *buffers) put(h *headBuffer) {
	if cap(h.b) <= keptHead {
		b.pool.Put(h)
	}
}
