package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// A load is what several clients send at once, to take memory.
type load struct {
	name, path, body string
	header           []string
	atOnce           int
}

// alike is JSON in an array of about n bytes, which takes much more when it is read.
func alike(item string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(item+",", n/(len(item)+1)), ",") + "]"
}

// varied is text of about n bytes that gzip makes a fifth of, no more.
func varied(n int) string {
	var b strings.Builder
	for i := uint64(1); b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d is a number and so is %d, ", i*2654435761%1000003, i*i)
	}
	return b.String()
}

// loads are the table of what takes memory.
func loads() []load {
	wrap := map[string]string{
		"/v1/chat/completions":      `{"model":"` + instruct + `","messages":%s}`,
		"/v1/messages":              `{"model":"` + instruct + `","max_tokens":9,"messages":%s}`,
		"/v1/messages/count_tokens": `{"model":"` + instruct + `","messages":%s}`,
		"/v1/responses":             `{"model":"` + instruct + `","input":%s}`,
		"/v1/responses?compact":     `{"model":"` + instruct + `","background":true,"input":%s}`,
		"/v1/conversations":         `{"items":%s}`,
		"/tokenize":                 `{"model":"` + instruct + `","messages":%s}`,
	}
	gzip := []string{"content-encoding", "gzip"}
	large := alike(`{"role":"user","content":"`+varied(1000)+`"}`, 6<<20)
	var all []load
	for _, path := range sorted(wrap) {
		body := func(list string) string { return fmt.Sprintf(wrap[path], list) }
		all = append(all,
			load{"many small messages", path, body(alike(`{"role":"user","content":"x"}`, 8<<20)), nil, 8},
			load{"large texts", path, body(`[{"role":"user","content":"` + varied(12<<20) + `"}]`), nil, 12},
			load{"compressed texts", path, packed(body(`[{"role":"user","content":"` + varied(6<<20) + `"}]`)), gzip, 16},
			load{"compressed 99 : 1", path, packed(body(large)), gzip, 16},
			load{"a bomb", path, packed(body(`[{"role":"user","content":"` + strings.Repeat(" ", 90<<20) + `"}]`)), gzip, 16},
			load{"over the limit", path, body(`[{"role":"user","content":"` + strings.Repeat("x", 40<<20) + `"}]`), nil, 4},
		)
	}
	return all
}

// pressure sends what takes memory, several at once, while connections that announce more hold
// on and others do not read what they asked for.
func pressure(ctx context.Context, r *round) error {
	reply := strings.Replace(chatWhole, "Hello.", strings.Repeat("large ", 300_000), 1)
	g, err := r.open(r.serve(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		w.Header().Set("content-type", "application/json")
		if q.Header.Get("x-large") != "" {
			_, _ = io.WriteString(w, reply)
			return
		}
		if q.URL.Path == "/tokenize" {
			_, _ = io.WriteString(w, `{"count":1,"max_model_len":8192,"tokens":[1]}`)
			return
		}
		_, _ = io.WriteString(w, chatWhole)
	})), nil)
	if err != nil {
		return err
	}
	c := r.reach(g)
	held := r.announce(strings.TrimPrefix(g.url, "http://"), r.size(50, 300))
	all := loads()
	highest := memoryLimit + overhead
	for i, l := range all {
		if r.stage.options.short && i%4 != 0 {
			continue
		}
		each(make([]struct{}, l.atOnce), l.atOnce, func(struct{}) {
			a := c.ask(ctx, "POST", l.path, l.body, l.header...)
			r.tried.Add(1)
			switch a.status {
			case 200, 400, 413, 429, 503, 529:
			default:
				r.problem("%s to %s: %d %v %.300s", l.name, l.path, a.status, a.err, a.text)
			}
		})
		if peak := peakMiB(g.PID()); peak > highest {
			r.problem("%s to %s, %d at once: %d MiB at the peak", l.name, l.path, l.atOnce, peak)
			highest = peak
		}
	}
	r.messages(ctx, c, r.size(8, 32))
	for _, conn := range held {
		_ = conn.Close()
	}
	for _, path := range []string{"/v1/chat/completions", "/v1/responses", "/v1/messages"} {
		if a := c.ask(ctx, "POST", path, probed[path]); a.status != http.StatusOK {
			r.problem("afterwards %s is %d %v %s", path, a.status, a.err, a.text)
		}
	}
	return nil
}

// announce opens connections that announce a large body and send a byte of it, or ask for large
// replies and don't read them.
func (r *round) announce(address string, n int) (held []net.Conn) {
	for i := range n {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			r.problem("connection %d: %v", i, err)
			return held
		}
		held = append(held, conn)
		r.tried.Add(1)
		path := sorted(probed)[i%len(probed)]
		if i%5 == 0 {
			_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nhost: localhost\r\nx-large: 1\r\ncontent-length: %d\r\n\r\n%s", path, len(probed[path]), probed[path])
			continue
		}
		_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999\r\n\r\n{", path)
	}
	return held
}

// messages sends large messages over WebSockets, and more while the first are served.
func (r *round) messages(ctx context.Context, c *client, n int) {
	text := `{"type":"response.create","model":"` + instruct + `","input":"` + varied(4<<20) + `"}`
	each(make([]struct{}, n), n, func(struct{}) {
		s, err := c.dial(ctx)
		if err != nil {
			return // refused
		}
		defer s.close()
		for range 3 {
			r.tried.Add(1)
			if s.conn.Write(s.ctx, websocket.MessageText, []byte(text)) != nil {
				return // closed for its size
			}
		}
		_, _, _ = s.conn.Read(s.ctx)
		if s.ctx.Err() != nil {
			r.problem("a WebSocket with large messages hangs")
		}
	})
}
