package server

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// An httpClient is the client of an HTTP request. It knows net/http's two halves of an
// exchange and nothing of what is done in between. httpClients are pooled with their closure.
type httpClient struct {
	w          http.ResponseWriter
	r          *http.Request
	conn       *conn  // of HTTP/1
	path       string // with its query
	credential access.Credential
	seen       traffic

	header func(string) string // bound once per object, not per request
}

var httpClients = sync.Pool{New: func() any {
	c := &httpClient{}
	c.header = c.readHeader
	return c
}}

func newHTTPClient(w http.ResponseWriter, r *http.Request, credential access.Credential) *httpClient {
	c := httpClients.Get().(*httpClient)
	c.w, c.r, c.credential = w, r, credential
	c.seen = traffic{remote: r.RemoteAddr, uri: r.RequestURI, start: time.Now()}
	if r.ProtoMajor == 1 {
		c.conn, _ = r.Context().Value(connKey{}).(*conn)
	}
	c.path = targetOf(r)
	return c
}

// targetOf is a request's target, as it was sent.
func targetOf(r *http.Request) string {
	if r.Method == http.MethodConnect || r.RequestURI == "" {
		return r.URL.RequestURI()
	}
	return r.RequestURI
}

func (c *httpClient) free() {
	*c = httpClient{header: c.header}
	httpClients.Put(c)
}

func (c *httpClient) head() gateway.Head {
	return gateway.Head{Method: c.r.Method, Path: c.path, Header: c.header, Credential: c.credential}
}

func (c *httpClient) fields() http.Header { return c.r.Header }

func (c *httpClient) traffic() *traffic { return &c.seen }

// SetWriteDeadline bounds a write that waits for the client, as http.ResponseController does.
func (c *httpClient) SetWriteDeadline(t time.Time) error {
	return http.NewResponseController(c.w).SetWriteDeadline(t)
}

// body reads the request's body. The buffer grows as it comes.
func (c *httpClient) body(limit int64, share *memory.Share) (*buffer, hub.Fault) {
	if limit > 0 && c.r.ContentLength > limit {
		return nil, hub.BodyTooLarge
	}
	in := newShared(firstRoom, share)
	if in == nil {
		return nil, hub.NoMemory
	}
	err := in.readAll(c.r.Body, c.r.ContentLength, limit)
	if err == nil {
		c.seen.bytesIn = int64(len(in.b))
		return in, hub.NoFault
	}
	in.free()
	switch err {
	case errTooLarge:
		return nil, hub.BodyTooLarge
	case errNoMemory:
		return nil, hub.NoMemory
	}
	return nil, c.bodyFault(err)
}

// bodyFault is faultOf, NoFault for a client that has left: with a bad chunk, it may still
// listen.
func (c *httpClient) bodyFault(err error) hub.Fault {
	f := faultOf(err)
	if f == hub.BrokenBody && c.r.Context().Err() != nil {
		return hub.NoFault
	}
	return f
}

// answer sends a reply of our own.
func (c *httpClient) answer(a *hub.Answer) {
	h := c.w.Header()
	upstream.EditHeader(h, hub.HeaderEdit{Set: a.Header})
	if a.ContentType != "" {
		h.Set("Content-Type", a.ContentType)
	} else {
		h.Set("Content-Type", "application/json")
	}
	h.Set("Content-Length", strconv.Itoa(len(a.Body)))
	c.writeHeader(a.Status)
	if c.r.Method != http.MethodHead {
		c.write(a.Body)
	}
}

// begin sends the head of an upstream's reply.
func (c *httpClient) begin(status int, header http.Header, edit hub.HeaderEdit, length int64) http.Header {
	h := c.w.Header()
	upstream.CopyHeader(h, header)
	upstream.EditHeader(h, edit)
	leaveTypeOut(h)
	delete(h, "Content-Length")
	if length >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	}
	c.writeHeader(status)
	return h
}

func (c *httpClient) writeHeader(status int) {
	c.seen.status, c.seen.wrote = status, true
	c.w.WriteHeader(status)
}

// write sends reply bytes; false means that the client is gone.
func (c *httpClient) write(b []byte) bool {
	_, err := c.seen.write(c.w, b)
	return err == nil
}

// send writes and flushes a piece of a stream. On false the client is gone.
func (c *httpClient) send(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	// net/http's buffer of 4 KiB would cut a larger piece into several system calls.
	if c.conn != nil && len(b) > streamBuffer-16 {
		c.conn.cork()
		defer c.conn.uncork()
	}
	if !c.write(b) {
		return false
	}
	c.flush()
	return true
}

func (c *httpClient) flush() {
	if f, ok := c.w.(http.Flusher); ok {
		f.Flush()
	}
}

func (c *httpClient) readHeader(name string) string { return fieldOf(c.r, name) }

// fieldOf is a field of a request's header, as the core asks for it.
func fieldOf(r *http.Request, name string) string {
	if name == "host" {
		return r.Host
	}
	return joined(r.Header, name)
}

// leaveTypeOut keeps net/http from guessing the type of a reply that has none.
func leaveTypeOut(h http.Header) {
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil
	}
}

// canonical holds the names that are asked for at each request and that net/http's own
// way would allocate for.
var canonical = map[string]string{"authorization": "Authorization", "x-api-key": "X-Api-Key",
	"upgrade": "Upgrade", "anthropic-version": "Anthropic-Version", "origin": "Origin", "content-type": "Content-Type",
	"sec-fetch-site": "Sec-Fetch-Site",
	"x-session-id":   "X-Session-Id", "x-session-token": "X-Session-Token", "x-session-affinity": "X-Session-Affinity",
	"session-id": "Session-Id", "thread-id": "Thread-Id", "session_id": "Session_id", "x-kilocode-taskid": "X-Kilocode-Taskid",
	"x-parent-session-id": "X-Parent-Session-Id", "x-claude-code-session-id": "X-Claude-Code-Session-Id"}

func valuesOf(h http.Header, name string) []string {
	key, ok := canonical[name]
	if !ok {
		key = http.CanonicalHeaderKey(name)
	}
	return h[key]
}

// joined is the value of a field, the values of all where it is sent several times.
func joined(h http.Header, name string) string {
	switch values := valuesOf(h, name); len(values) {
	case 0:
		return ""
	case 1:
		return values[0]
	default:
		return strings.Join(values, ", ")
	}
}

// CredentialOf reads whose request it is. Of a field that is sent twice the first counts,
// as it does upstream.
func CredentialOf(r *http.Request) access.Credential {
	return access.Read(func(name string) string {
		if values := valuesOf(r.Header, name); len(values) > 0 {
			return values[0]
		}
		return ""
	})
}
