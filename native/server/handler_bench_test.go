package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// agentBody is a chat request of about n bytes, as a coding agent sends: a system
// message, tools, and turns of text and tool results.
func agentBody(n int, stream bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"model":%q,"stream":%t,"max_tokens":1024,"messages":[{"role":"system","content":"You are a coding agent."}`, virtual, stream)
	for i := 0; b.Len() < n-2000; i++ {
		fmt.Fprintf(&b, `,{"role":"user","content":%q}`, strings.Repeat("Please look at the file. ", 8))
		fmt.Fprintf(&b, `,{"role":"assistant","content":null,"tool_calls":[{"id":"call_%d","type":"function","function":{"name":"read","arguments":"{\"path\":\"a/b.go\"}"}}]}`, i)
		fmt.Fprintf(&b, `,{"role":"tool","tool_call_id":"call_%d","content":%q}`, i, strings.Repeat("func f() { return \"x\" }\n", 40))
	}
	b.WriteString(`],"tools":[{"type":"function","function":{"name":"read","description":"Reads a file.","parameters":{"type":"object","properties":{"path":{"type":"string"}}}}}]}`)
	return b.Bytes()
}

// canned is an upstream that answers at once, plain or with a stream of 200 events.
func canned(b *testing.B) string {
	var stream []byte
	for range 200 {
		stream = append(stream, chatEvent(" word")...)
	}
	event := len(stream) / 200
	return upstreamOf(b, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, chatReply)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 200 {
			_, _ = w.Write(stream[i*event : (i+1)*event])
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, chatEnd)
	})
}

// The same request through Qwenvoy and through Go's bare reverse proxy. Time and
// allocations are those of client, proxy and upstream together.
func BenchmarkChat(b *testing.B) {
	for _, tt := range []struct {
		name string
		body []byte
	}{
		{"3KB", agentBody(3<<10, false)},
		{"67KB", agentBody(67<<10, false)},
		{"646KB", agentBody(646<<10, false)},
		{"Stream200", agentBody(3<<10, true)},
	} {
		b.Run(tt.name+"/qwenvoy", func(b *testing.B) {
			e := start(b, canned(b), func(c *config.Config) { c.Log.Level = "WARN" })
			drive(b, e.url, tt.body)
		})
		b.Run(tt.name+"/bare", func(b *testing.B) {
			target, err := url.Parse(canned(b))
			if err != nil {
				b.Fatal(err)
			}
			p := httputil.NewSingleHostReverseProxy(target)
			p.FlushInterval = -1
			tr := &http.Transport{MaxIdleConnsPerHost: 1000, DisableCompression: true}
			defer tr.CloseIdleConnections()
			p.Transport = tr
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = http.NewResponseController(w).EnableFullDuplex()
				p.ServeHTTP(w, r)
			}))
			defer s.Close()
			drive(b, s.URL, tt.body)
		})
	}
}

func drive(b *testing.B, url string, body []byte) {
	c := newClient(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := c.Post(url+"/v1/chat/completions", "application/json", bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != 200 {
				b.Errorf("status %d, %v", resp.StatusCode, err)
				return
			}
		}
	})
}
