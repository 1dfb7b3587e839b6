package local

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/e2e/upstream"
)

// A body that was rewritten under its old content-length would put its surplus bytes at
// the start of the next request on the upstream's connection. The upstream here reads
// strictly and keeps the connection, and so does the client.
func TestNoBytesSpillIntoTheNextMessage(t *testing.T) {
	const names = `["` + virtual + `","qwen3.5-thinking-coding","gpt-4"]`
	var requests []string
	for _, model := range gjson.Parse(names).Array() {
		for _, message := range []string{`{"role":"user","content":"hi"}`, `{"role":"user","content":"hi"},{"role":"system","content":"POST /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"}`} {
			requests = append(requests, `{"model":"`+model.Str+`","tools":[],   "messages":[`+message+`]}`)
		}
	}
	f := theFleet(t)
	for _, k := range knobs {
		t.Run(k.name, func(t *testing.T) {
			f.raw.Take()
			address := must[*url.URL](t)(url.Parse(f.URLs["raw"+k.suffix])).Host
			conn := must[net.Conn](t)(net.DialTimeout("tcp", address, patience))
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(patience))
			in := bufio.NewReader(conn)
			for _, body := range requests {
				for _, length := range []string{fmt.Sprintf("content-length: %d\r\n\r\n%s", len(body), body),
					fmt.Sprintf("transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)} {
					fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nhost: qwenvoy\r\ncontent-type: application/json\r\n%s", chat, length)
					resp, err := http.ReadResponse(in, nil)
					if err != nil {
						t.Fatal(err)
					}
					text, err := io.ReadAll(resp.Body)
					if err != nil || resp.StatusCode != 200 || gjson.GetBytes(text, "model").Str != gjson.Get(body, "model").Str {
						t.Fatalf("got %d %q (%v)", resp.StatusCode, text, err)
					}
				}
			}
			if n := in.Buffered(); n > 0 {
				t.Errorf("%d bytes more than the replies", n)
			}
			got := f.raw.Take()
			if len(got) != 2*len(requests) {
				t.Errorf("the upstream read %d requests, %d were sent", len(got), 2*len(requests))
			}
			for _, r := range got {
				if r.Err != nil || r.Method != "POST" || r.Path != chat || !gjson.ValidBytes(r.Body) || gjson.GetBytes(r.Body, "model").Str != served {
					t.Errorf("the upstream read %+v", r)
				}
				if n := r.Header.Get("content-length"); n != "" && n != strconv.Itoa(len(r.Body)) {
					t.Errorf("content-length %s with %d bytes", n, len(r.Body))
				}
			}
		})
	}
}

// A request that is cut short, or whose two lengths disagree, never becomes two.
func TestAmbiguousLengthsReachNobody(t *testing.T) {
	f := theFleet(t)
	inner := "POST /smuggled HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
	for name, text := range map[string]string{
		"length and chunks": fmt.Sprintf("content-length: %d\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n%s", 5+len(inner), inner),
		"two lengths":       fmt.Sprintf("content-length: 2\r\ncontent-length: %d\r\n\r\n{}%s", 2+len(inner), inner),
	} {
		for _, k := range knobs {
			t.Run(name+" "+k.name, func(t *testing.T) {
				f.raw.Take()
				address := must[*url.URL](t)(url.Parse(f.URLs["raw"+k.suffix])).Host
				conn := must[net.Conn](t)(net.DialTimeout("tcp", address, patience))
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nhost: qwenvoy\r\ncontent-type: application/json\r\n%s", chat, text)
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != 400 {
					t.Errorf("status %d, want 400", resp.StatusCode)
				}
				for _, r := range f.raw.Take() {
					t.Errorf("the upstream read %s %s", r.Method, r.Path)
				}
			})
		}
	}
}

func TestCountersShowInEnvoysStatistics(t *testing.T) {
	f := theFleet(t)
	counter := func(name string) float64 {
		t.Helper()
		text := must[string](t)(f.Get("/stats/prometheus"))
		m := regexp.MustCompile(`(?m)^` + name + `(?:\{[^}]*\})? ([0-9.e+]+)$`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("/stats/prometheus has no %s", name)
		}
		return must[float64](t)(strconv.ParseFloat(m[1], 64))
	}
	id := play(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("content-type", "application/json")
		_, _ = io.WriteString(w, strings.Replace(reply, `"content":"Hello."`, `"content":null,"reasoning":"Hello."`, 1))
	})
	url := f.URLs["default"]
	for _, c := range []struct{ counter, body string }{
		{"qwenvoy_requests", question},
		{"qwenvoy_errors", `{"model":"nobody","messages":[]}`},
		{"qwenvoy_repairs", strings.Replace(question, virtual, "qwen3.5-instruct-general", 1)},
	} {
		before := counter(c.counter)
		_, _, err := ask(t, url, id, c.body)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Until(c.counter+" to rise", func() bool { return counter(c.counter) > before }); err != nil {
			t.Error(err)
		}
	}
}

// The scripted server answers in the language that the client speaks after the upgrade.
func TestUpgradesPass(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		id := play(t, func(w http.ResponseWriter, r *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: %s\r\n\r\n", r.Header.Get("upgrade"))
			_ = rw.Flush()
			line, _ := rw.ReadString('\n')
			fmt.Fprintf(rw, "%s heard: %s", r.URL.Path, line)
			_ = rw.Flush()
		})
		conn := must[net.Conn](t)(net.DialTimeout("tcp", strings.TrimPrefix(e.url, "http://"), patience))
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(conn, "GET /v1/realtime HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s: %s\r\n\r\n", upstream.Header, id)
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != 101 {
			t.Fatalf("got %v (%v), want 101", resp, err)
		}
		fmt.Fprint(conn, "hello\n")
		if line, err := in.ReadString('\n'); err != nil || line != "/v1/realtime heard: hello\n" {
			t.Errorf("got %q (%v)", line, err)
		}
	})
}

// What servers would read as another path than the gateway does is refused, by whoever sees it
// first.
func TestTargetsThatServersReadOtherwiseReachNobody(t *testing.T) {
	onEveryEdge(t, func(t *testing.T, e edge) {
		for _, target := range []string{chat + "#", chat + "#x", "/v1/embeddings?a#b", "/v1/responses#/x", chat + "%0a", "http://localhost" + chat + "#x"} {
			id := play(t, func(http.ResponseWriter, *http.Request) { t.Errorf("%s reached the server", target) })
			conn := must[net.Conn](t)(net.DialTimeout("tcp", strings.TrimPrefix(e.url, "http://"), patience))
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(patience))
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n%s: %s\r\n\r\n", target, upstream.Header, id)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != 400 {
				t.Errorf("%s: got %v (%v), want 400", target, resp, err)
			}
		}
	})
}
