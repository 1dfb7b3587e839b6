package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/qwenvoy/qwenvoy/e2e/upstream"
)

// framing writes what two readers of HTTP may read differently. No hidden request reaches the
// strict model server behind, what reaches it is well formed, and nothing that a client names
// begins a line of a reply.
func framing(ctx context.Context, r *round) error {
	raw, err := upstream.StartRaw()
	if err != nil {
		return err
	}
	r.atEnd(raw.Close)
	g, err := r.open("http://"+raw.Address, map[string]any{"timeouts": map[string]any{"idle": "1s", "header": "1s", "upstream_idle": "1s"}})
	if err != nil {
		return err
	}
	all := probes()
	each(all, 16, func(p probe) {
		r.tried.Add(1)
		for _, wrong := range p.write(ctx, strings.TrimPrefix(g.url, "http://"), r.edge == onFilter) {
			if p.lax && r.edge == onFilter && !strings.Contains(wrong, "hangs") {
				continue
			}
			r.problem("%s: %s", p.name, wrong)
		}
	})
	for _, q := range raw.Take() {
		name := "?"
		var n int
		if _, err := fmt.Sscan(q.Header.Get("x-probe"), &n); err == nil && n < len(all) {
			if name = all[n].name; all[n].lax && r.edge == onFilter {
				continue
			}
		}
		switch {
		case strings.Contains(q.Path, "smuggled") && !strings.Contains(name, "escaped") && !strings.Contains(name, "fragment"):
			r.problem("%s: the hidden request reached the server", name)
		case q.Header.Get("x-smuggled") != "" && !strings.Contains(name, "a line feed in a header"):
			r.problem("%s: a hidden header reached the server", name)
		case q.Err != nil && strings.Contains(q.Err.Error(), "malformed"):
			r.problem("%s: what reached the server is not well formed: %v", name, q.Err)
		}
	}
	return nil
}

// write sends a probe and reads all that is answered. It returns what is wrong with that.
func (p *probe) write(ctx context.Context, address string, filter bool) (wrong []string) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return []string{err.Error()}
	}
	defer conn.Close()
	limit := patience
	if p.waits && filter {
		limit = 2 * time.Second // Envoy waits for the rest, and so would this
	}
	_ = conn.SetDeadline(time.Now().Add(limit))
	go func() { _, _ = io.WriteString(conn, p.text) }() // the answer may come, and the connection go, before all is read
	in := bufio.NewReader(conn)
	for n := 0; ; n++ {
		if n > 0 { // what comes on top comes at once, if it comes
			_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			if _, err := in.Peek(1); err != nil {
				return wrong
			}
			_ = conn.SetReadDeadline(time.Now().Add(limit))
		}
		resp, err := http.ReadResponse(in, nil)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if !p.waits || !filter {
				wrong = append(wrong, "it hangs")
			}
			return wrong
		case err != nil && strings.Contains(err.Error(), "malformed") && !strings.Contains(p.text, " HTTP/1.1\r\n"):
			return wrong // frames of HTTP/2, or the bare text of HTTP/0.9
		case err != nil && strings.Contains(err.Error(), "malformed"):
			return append(wrong, "the answer is not well formed: "+err.Error())
		case err != nil:
			return wrong // cut, without an answer
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			wrong = append(wrong, "the answer hangs")
		}
		if p.bad && resp.StatusCode < 400 && resp.StatusCode >= 200 {
			wrong = append(wrong, fmt.Sprintf("status %d", resp.StatusCode))
		}
		if resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented && resp.StatusCode != http.StatusHTTPVersionNotSupported {
			wrong = append(wrong, fmt.Sprintf("status %d: %.200s", resp.StatusCode, text))
		}
		if resp.Header.Get("x-smuggled") != "" {
			wrong = append(wrong, "the answer has a header that the request's text made")
		}
		for name, values := range resp.Header {
			if n := len(strings.Join(values, "")); n > 8<<10 {
				wrong = append(wrong, fmt.Sprintf("the answer's %s has %d bytes", name, n))
			}
		}
		if resp.Close {
			return wrong
		}
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
