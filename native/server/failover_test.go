package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// inFront puts a gateway before two servers, of which the first is asked first for the model
// "both". The second has a key of ours.
func inFront(t *testing.T, first, second string) *edge {
	t.Helper()
	return start(t, first, func(c *config.Config) {
		c.Upstreams = append(c.Upstreams, config.Upstream{Name: "second", URL: second, Model: "Qwen3.8-27B", APIKey: "second-key", MaxModelLen: 4096})
		c.Models = []config.Model{{Name: "both", Profile: "thinking-coding", Targets: []config.Target{{Upstream: "test"}, {Upstream: "second"}}}}
	})
}

// A dialectRequest is one in a dialect, and where its answer names model and text.
type dialectRequest struct{ path, body, text string }

var dialectRequests = []dialectRequest{
	{"/v1/chat/completions", `{"model":"both","messages":[{"role":"user","content":"hi"}]%s}`, "choices.0.message.content"},
	{"/v1/completions", `{"model":"both","prompt":"hi"%s}`, "choices.0.text"},
	{"/v1/messages", `{"model":"both","max_tokens":2000,"messages":[{"role":"user","content":"hi"}]%s}`, "content.0.text"},
	{"/v1/responses", `{"model":"both","input":"hi"%s}`, "output.0.content.0.text"},
}

// well is a server that answers all, and counts.
func well(t *testing.T, asked *atomic.Int64, seen func(r *http.Request, body []byte)) string {
	return upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked.Add(1)
		seen(r, body)
		if gjson.GetBytes(body, "stream").Bool() {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"Qwen3.8-27B","choices":[{"index":0,"delta":{"content":"hello"},"text":"hello"}]}`+"\n\n"+
				`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"Qwen3.8-27B","choices":[{"index":0,"delta":{},"text":"","finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"id":"c","object":"chat.completion","created":1,"model":"Qwen3.8-27B","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"text":"hello","finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	})
}

// refusing is a server that answers all with a status.
func refusing(t *testing.T, status int, asked *atomic.Int64) string {
	return upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"message":"no %d","type":"x","code":%d}}`, status, status)
	})
}

func TestAnotherTargetAnswersWhereOneDoesNot(t *testing.T) {
	var asked, answered atomic.Int64
	faults := []struct {
		name, url, logged string
		calls             int64
	}{
		{"401", refusing(t, 401, &asked), `"why":"401"`, 1},
		{"404", refusing(t, 404, &asked), `"why":"404"`, 1},
		{"429", refusing(t, 429, &asked), `"why":"429"`, 1},
		{"500", refusing(t, 500, &asked), `"why":"500"`, 1},
		{"503", refusing(t, 503, &asked), `"why":"503"`, 1},
		{"refused connection", "http://" + unused(t), `"why":"no reply"`, 0},
		{"cut before a head", rawUpstream(t, func(c net.Conn, _ *bufio.Reader) { _ = c.Close() }), `"why":"no reply"`, 0},
	}
	var header http.Header
	var body []byte
	second := well(t, &answered, func(r *http.Request, b []byte) { header, body = r.Header, b })
	for _, fault := range faults {
		e := inFront(t, fault.url, second)
		for _, d := range dialectRequests {
			for _, stream := range []string{"", `,"stream":true`} {
				asked.Store(0)
				answered.Store(0)
				req, _ := http.NewRequest("POST", e.url+d.path, strings.NewReader(fmt.Sprintf(d.body, stream)))
				req.Header.Set("Authorization", "Bearer clients-own")
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				what := fmt.Sprintf("%s %s%s", fault.name, d.path, stream)
				if err != nil || resp.StatusCode != 200 || asked.Load() != fault.calls || answered.Load() != 1 {
					t.Errorf("%s: status %d, %v, asked %d and %d times: %s", what, resp.StatusCode, err, asked.Load(), answered.Load(), text)
					continue
				}
				if stream == "" && gjson.GetBytes(text, d.text).Str != "hello" || !strings.Contains(string(text), "hello") ||
					strings.Contains(string(text), "Qwen3.8-27B") || !strings.Contains(string(text), `"model":"both"`) {
					t.Errorf("%s: %s", what, text)
				}
				if got := header.Get("Authorization"); got != "Bearer second-key" {
					t.Errorf("%s: the second is told the key %q", what, got)
				}
				if got := gjson.GetBytes(body, "model").Str; got != "Qwen3.8-27B" {
					t.Errorf("%s: the second is asked for %q", what, got)
				}
			}
		}
		if log := e.log.String(); !strings.Contains(log, fault.logged) || !strings.Contains(log, `"upstream":"test"`) ||
			!strings.Contains(log, `"next":"second"`) || !strings.Contains(log, `"upstream":"second","upstream_model":"Qwen3.8-27B"`) {
			t.Errorf("%s: %s", fault.name, log)
		}
	}
}

// unused is an address where nobody listens.
func unused(t *testing.T) string {
	ln := listen(t)
	defer ln.Close()
	return ln.Addr().String()
}

// What is wrong with a request is so everywhere, and what no target serves is told in the words
// of the last.
func TestWhatNoTargetServesIsTold(t *testing.T) {
	var first, second atomic.Int64
	for _, tt := range []struct{ first, second, want int }{{400, 200, 400}, {413, 200, 413}, {501, 200, 501}, {503, 429, 429}} {
		e := inFront(t, refusing(t, tt.first, &first), refusing(t, tt.second, &second))
		for _, d := range dialectRequests {
			first.Store(0)
			second.Store(0)
			resp, err := http.Post(e.url+d.path, "application/json", strings.NewReader(fmt.Sprintf(d.body, "")))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			others := int64(0)
			if tt.want == tt.second {
				others = 1
			}
			if resp.StatusCode != tt.want || !strings.Contains(string(text), fmt.Sprintf("no %d", tt.want)) || first.Load() != 1 || second.Load() != others {
				t.Errorf("%v %s: status %d after %d and %d calls: %s", tt, d.path, resp.StatusCode, first.Load(), second.Load(), text)
			}
		}
	}
}

// A key of the client's own is for the default upstream: no other learns it.
func TestAClientsKeyGoesToTheDefaultUpstreamAlone(t *testing.T) {
	var n atomic.Int64
	got := ""
	second := well(t, &n, func(r *http.Request, _ []byte) { got = r.Header.Get("Authorization") + r.Header.Get("X-Api-Key") })
	e := start(t, refusing(t, 503, &n), func(c *config.Config) {
		c.Upstreams = append(c.Upstreams, config.Upstream{Name: "second", URL: second, Model: "Qwen3.8-27B", MaxModelLen: 4096})
		c.Models = []config.Model{{Name: "both", Profile: "thinking-coding", Targets: []config.Target{{Upstream: "test"}, {Upstream: "second"}}}}
	})
	for _, field := range []string{"Authorization", "X-Api-Key"} {
		req, _ := http.NewRequest("POST", e.url+"/v1/messages", strings.NewReader(fmt.Sprintf(dialectRequests[2].body, "")))
		req.Header.Set(field, "Bearer mine")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 200 || got != "" {
			t.Errorf("%s: status %d, the second was told %q", field, resp.StatusCode, got)
		}
	}
}

// A compressed body is turned again without its content-encoding, and tokens are counted by
// whoever answers.
func TestAnotherTargetIsAskedWhateverTheFormOfTheRequest(t *testing.T) {
	var n atomic.Int64
	counts := upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if gjson.GetBytes(body, "model").Str != "Qwen3.8-27B" || r.Header.Get("Content-Encoding") != "" {
			t.Errorf("the second got %q: %s", r.Header.Get("Content-Encoding"), body)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"count":7,"max_model_len":4096,"tokens":[1,2,3,4,5,6,7]}`)
	})
	e := inFront(t, refusing(t, 503, &n), counts)
	for _, d := range []dialectRequest{
		{"/v1/messages/count_tokens", `{"model":"both","messages":[{"role":"user","content":"hi"}]}`, "input_tokens"},
		{"/v1/responses/input_tokens", `{"model":"both","input":"hi"}`, "input_tokens"},
		{"/tokenize", `{"model":"both","prompt":"hi"}`, "count"},
	} {
		for _, encoding := range []string{"", "gzip"} {
			var body bytes.Buffer
			if encoding == "" {
				body.WriteString(d.body)
			} else {
				z := gzip.NewWriter(&body)
				_, _ = z.Write([]byte(d.body))
				_ = z.Close()
			}
			req, _ := http.NewRequest("POST", e.url+d.path, &body)
			req.Header.Set("Content-Encoding", encoding)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != 200 || gjson.GetBytes(text, d.text).Int() != 7 {
				t.Errorf("%s %s: status %d: %s", d.path, encoding, resp.StatusCode, text)
			}
		}
	}
}
