package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Request goes upstream with the whole of its body at hand.
type Request struct {
	Method string
	// Target is the path with its query, as URL and Target take it.
	Target string
	// Header holds the client's fields; those that concern one connection only, Expect
	// and Content-Length are left out. Edit changes the rest.
	Header http.Header
	Edit   hub.HeaderEdit
	// Body is read until Send's reply says Sent, or is closed. nil means no body.
	Body []byte
}

// A Reply is an upstream's reply whose head has come. Read reads its body; Close
// must be called, and drops the connection when the body's end was not read.
type Reply struct {
	Status int
	Header http.Header
	// Length of the body in bytes, -1 when it is not known.
	Length int64

	body io.Reader
	conn *conn         // of the direct way
	stop func() bool   // undoes the tie between context and connection
	done io.Closer     // of the other way
	sent chan struct{} // closed when the request is written; nil: it was before the head came
	end  bool          // the body's end was read
	keep bool          // the connection may be used again then
}

// Sent reports whether the request body is no longer needed.
func (r *Reply) Sent() bool {
	if r.sent == nil {
		return true
	}
	select {
	case <-r.sent:
		return true
	default:
		return false
	}
}

// Read reads the reply's body. An error other than io.EOF means that it is cut.
func (r *Reply) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if err == io.EOF {
		r.end = true
	}
	return n, err
}

// Ready reports whether Read will return at once with some of the body: enough has
// come already to hold a chunk's head and a byte of it.
func (r *Reply) Ready() bool {
	const chunkHead = 64
	return r.conn != nil && r.conn.br.Buffered()+len(r.conn.ahead) >= chunkHead
}

// Close frees the connection. It may be called twice.
func (r *Reply) Close() {
	if r.done != nil {
		_ = r.done.Close()
		return
	}
	if r.conn == nil {
		return
	}
	c := r.conn
	r.conn = nil
	tied := r.stop()
	if tied && r.end && r.keep && r.Sent() && c.br.Buffered()+len(c.ahead) == 0 {
		c.pool.put(c)
		return
	}
	_ = c.Close()
	c.freeAhead()
	if r.sent != nil {
		<-r.sent // the writer is done with the body once the connection is closed
	}
}

// Send sends a request and waits for the reply's head. When ctx ends, the request
// or the reply is cut at once. A request is sent a second time only when a kept
// connection turned out to be closed before a byte of it was written: a POST that
// may have been run is never repeated.
func (c *Client) Send(ctx context.Context, r *Request) (*Reply, error) {
	if c.direct == nil {
		return c.sendByTransport(ctx, r)
	}
	head := c.direct.heads.get()
	defer c.direct.heads.put(head)
	var err error
	if head.b, err = c.appendHead(head.b[:0], r); err != nil {
		return nil, err
	}
	for {
		cn, reused, err := c.direct.get(ctx)
		if err != nil {
			return nil, err
		}
		reply, again, err := cn.exchange(ctx, r, head.b)
		if again && reused {
			continue
		}
		return reply, err
	}
}

// appendHead writes the request's head in the form of RFC 9112.
func (c *Client) appendHead(b []byte, r *Request) ([]byte, error) {
	target := c.Target(r.Target)
	if !PlainTarget(target) {
		return b, errors.New("the request target holds a space or a control character") // and maybe a key: not shown
	}
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.base.Host...)
	b = append(b, "\r\n"...)
	named := r.Header["Connection"]
	for name, values := range r.Header {
		if hopByHop[name] || name == "Host" || name == "Content-Length" || name == "Expect" ||
			r.Edit.Drops(name) || r.Edit.Sets(name) || namedBy(named, name) {
			continue
		}
		for _, v := range values {
			b = appendField(b, name, v)
		}
	}
	for _, f := range r.Edit.Set {
		if strings.ContainsAny(f[1], "\r\n\x00") {
			return b, fmt.Errorf("header field %s holds a line break", f[0])
		}
		b = appendField(b, http.CanonicalHeaderKey(f[0]), f[1])
	}
	if r.Body != nil {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(r.Body)), 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// PlainTarget reports whether a target can stand in a request line.
func PlainTarget(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != ""
}

// namedBy reports whether a Connection field names the field.
func namedBy(connection []string, name string) bool {
	for _, v := range connection {
		for n := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(n), name) {
				return true
			}
		}
	}
	return false
}

// EditedHeader is the header that a request goes up with, for the log.
func (r *Request) EditedHeader() http.Header {
	h := make(http.Header, len(r.Header))
	CopyHeader(h, r.Header)
	EditHeader(h, r.Edit)
	h.Del("Expect")
	return h
}

// sendByTransport is the way for https, and through a proxy of the environment.
func (c *Client) sendByTransport(ctx context.Context, r *Request) (*Reply, error) {
	req := (&http.Request{
		Method: r.Method, URL: c.URL(r.Target), Host: c.Host(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.EditedHeader(),
	}).WithContext(ctx)
	if _, ok := req.Header["User-Agent"]; !ok {
		req.Header["User-Agent"] = nil // else net/http names itself
	}
	if r.Body != nil {
		// The transport may read on after the reply's head has come: it gets its own copy.
		body := bytes.Clone(r.Body)
		req.ContentLength = int64(len(body))
		// With GetBody net/http sends again what a closed kept connection never saw.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
	resp, err := c.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return &Reply{Status: resp.StatusCode, Header: resp.Header, Length: resp.ContentLength, body: resp.Body, done: resp.Body}, nil
}

var errHeadTooLarge = errors.New("the reply's head is too large")
