package vllm

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// reply is what came back, as it was on the wire.
type reply struct {
	status    int
	header    http.Header
	continued bool // 100 Continue came first
	body      []byte
	// chunks are the pieces of a body in chunked coding.
	chunks [][]byte
}

// limit is for one exchange: a first request with a grammar takes vLLM 13 s on an idle
// machine.
const limit = 3 * time.Minute

// do asks the server at address over a connection of its own, byte for byte as the
// question says, which Go's client would not do.
func (q *question) do(address string, more ...[2]string) (*reply, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	head, body := q.encode(address, more)
	var seen bytes.Buffer
	in := bufio.NewReader(io.TeeReader(conn, &seen))
	r := &reply{}
	if q.waits {
		if _, err := conn.Write(head); err != nil {
			return nil, err
		}
		first, err := http.ReadResponse(in, nil)
		if err != nil {
			return nil, err
		}
		if r.continued = first.StatusCode == http.StatusContinue; !r.continued {
			return nil, fmt.Errorf("%d before the body was sent", first.StatusCode)
		}
		// Nothing may follow it: the reader would have it in its buffer.
		if in.Buffered() > 0 {
			return nil, errors.New("an answer came before the body was sent")
		}
		seen.Reset()
		head = nil
	}
	if _, err := conn.Write(append(head, body...)); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(in, &http.Request{Method: q.method})
	if err != nil {
		return nil, fmt.Errorf("%w after %q", err, seen.Bytes())
	}
	defer resp.Body.Close()
	r.status, r.header = resp.StatusCode, resp.Header
	if r.body, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	if len(resp.TransferEncoding) > 0 {
		r.header.Set("Transfer-Encoding", resp.TransferEncoding[0])
		_, coded, _ := bytes.Cut(seen.Bytes(), []byte("\r\n\r\n"))
		for len(coded) > 0 {
			var n int
			line, rest, ok := bytes.Cut(coded, []byte("\r\n"))
			if _, err := fmt.Sscanf(string(line), "%x", &n); err != nil || !ok || n+2 > len(rest) && n > 0 {
				return nil, fmt.Errorf("bad chunk %q", line)
			}
			if n == 0 {
				break
			}
			r.chunks = append(r.chunks, rest[:n])
			coded = rest[n+2:]
		}
	}
	return r, nil
}

func (q *question) encode(address string, more [][2]string) (head, body []byte) {
	proto := q.proto
	if proto == "" {
		proto = "HTTP/1.1"
	}
	fields := [][2]string{{"Host", address}, {"Accept", "*/*"}}
	set := func(name, value string) {
		for i := range fields {
			if fields[i][0] == name {
				fields[i][1] = value
				return
			}
		}
		fields = append(fields, [2]string{name, value})
	}
	body = []byte(q.body)
	switch {
	case q.noBody:
	case q.chunked:
		set("Content-Type", "application/json")
		set("Transfer-Encoding", "chunked")
		half := len(body) / 2
		body = fmt.Appendf(nil, "%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", half, body[:half], len(body)-half, body[half:])
	default:
		set("Content-Type", "application/json")
		set("Content-Length", fmt.Sprint(len(body)))
	}
	for _, h := range append(q.header, more...) {
		set(h[0], h[1])
	}
	head = fmt.Appendf(nil, "%s %s %s\r\n", q.method, q.path, proto)
	for _, h := range fields {
		if h[1] != "" {
			head = fmt.Appendf(head, "%s: %s\r\n", h[0], h[1])
		}
	}
	return append(head, "\r\n"...), body
}

// isStream tells whether the body is an event stream.
func (r *reply) isStream() bool {
	return strings.HasPrefix(r.header.Get("Content-Type"), "text/event-stream")
}
