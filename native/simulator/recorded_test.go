package simulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/e2e/fold"
)

// recording is one request to a real vLLM and its reply. In streams,
// runs of events of one shape are shortened. Its file is folded (package fold).
type recording struct {
	method, path string
	header       http.Header
	body         string
	status       int
	replyHeader  http.Header
	reply        string
}

func readRecording(t *testing.T, path string) recording {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	request, reply, ok := strings.Cut(fold.Out(string(raw)), "\n\n<<< response\n")
	if !ok {
		t.Fatalf("%s: no response", path)
	}
	request = strings.TrimPrefix(request, ">>> request\n")
	headers := func(text string) (first string, h http.Header, rest string) {
		head, rest, _ := strings.Cut(text, "\n\n")
		lines := strings.Split(head, "\n")
		h = http.Header{}
		for _, l := range lines[1:] {
			if k, v, ok := strings.Cut(l, ":"); ok {
				h.Add(k, strings.TrimSpace(v))
			}
		}
		return lines[0], h, rest
	}
	var rec recording
	first, h, body := headers(request)
	rec.header, rec.body = h, strings.TrimSuffix(body, "\n")
	fmt.Sscanf(first, "%s %s", &rec.method, &rec.path)
	first, rec.replyHeader, rec.reply = headers(reply)
	fmt.Sscanf(first, "HTTP/1.1 %d", &rec.status)
	rec.reply = strings.TrimRight(rec.reply, "\n")
	return rec
}

// TestAnswersLikeTheRecordings sends recorded requests and compares: the
// status, the header names and values, an error's whole body, and the shape of
// every other body: keys in their order, types, and the order of events.
func TestAnswersLikeTheRecordings(t *testing.T) {
	files, err := filepath.Glob("testdata/recorded/*.txt")
	if err != nil || len(files) < 60 {
		t.Fatalf("found %d recordings: %v", len(files), err)
	}
	t.Run("0.32", func(t *testing.T) { compareWithRecordings(t, "0.32", files) })
	newer, err := filepath.Glob("testdata/recorded33/*.txt")
	if err != nil || len(newer) < 19 {
		t.Fatalf("found %d recordings of 0.33: %v", len(newer), err)
	}
	for _, file := range files {
		// Replies without choices were the same but for the version.
		if rec := readRecording(t, file); !strings.Contains(rec.reply, `"choices"`) && rec.path != "/version" {
			newer = append(newer, file)
		}
	}
	t.Run("0.33", func(t *testing.T) { compareWithRecordings(t, "0.33", newer) })
}

func compareWithRecordings(t *testing.T, release string, files []string) {
	srv := httptest.NewServer(New(Options{MaxModelLen: 8192, VLLM: release}))
	defer srv.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			rec := readRecording(t, file)
			req, err := http.NewRequest(rec.method, srv.URL+rec.path, strings.NewReader(rec.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header = rec.header
			req.Host = "localhost"
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != rec.status {
				t.Fatalf("status %d, recorded %d; body %s", resp.StatusCode, rec.status, body)
			}
			if d := cmp.Diff(comparable(rec.replyHeader), comparable(resp.Header)); d != "" {
				t.Errorf("headers (-recorded +simulated):\n%s", d)
			}
			contentType := rec.replyHeader.Get("Content-Type")
			switch {
			case rec.status >= 400:
				if d := cmp.Diff(rec.reply, string(body)); d != "" {
					t.Errorf("error body (-recorded +simulated):\n%s", d)
				}
			case strings.HasPrefix(contentType, "text/event-stream"):
				if d := cmp.Diff(eventShapes(t, rec.reply), eventShapes(t, string(body))); d != "" {
					t.Errorf("events (-recorded +simulated):\n%s", d)
				}
			case contentType == "application/json":
				if d := cmp.Diff(shapeOf(t, rec.reply), shapeOf(t, string(body))); d != "" {
					t.Errorf("shape (-recorded +simulated):\n%s", d)
				}
			case rec.reply != string(body):
				t.Errorf("body %q, recorded %q", body, rec.reply)
			}
		})
	}
}

// comparable drops what differs from one reply to the next.
func comparable(h http.Header) []string {
	var out []string
	for k, vs := range h {
		switch k {
		case "Date", "Content-Length", "Transfer-Encoding":
			continue
		}
		out = append(out, strings.ToLower(k)+": "+strings.Join(vs, "; "))
	}
	sort.Strings(out)
	return out
}

// told are the keys whose values belong to the shape.
var told = []string{"object", "role", "finish_reason", "type", "stop_reason", "system_fingerprint", "index"}

// shapeOf writes JSON with its keys in order and its values as types; equal
// neighbours in a list are one.
func shapeOf(t *testing.T, text string) string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	var value func(key string, depth int) string
	value = func(key string, depth int) string {
		tok, err := d.Token()
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		switch v := tok.(type) {
		case json.Delim:
			var items []string
			for d.More() {
				if v == '[' {
					s := value("", depth+1)
					if len(items) == 0 || items[len(items)-1] != s {
						items = append(items, s)
					}
					continue
				}
				k, err := d.Token()
				if err != nil {
					t.Fatal(err)
				}
				items = append(items, k.(string)+": "+value(k.(string), depth+1))
			}
			d.Token()
			in := "\n" + strings.Repeat("  ", depth+1)
			if v == '[' {
				return "[" + strings.Join(items, ", ") + "]"
			}
			return "{" + in + strings.Join(items, in) + "\n" + strings.Repeat("  ", depth) + "}"
		case nil:
			return "null"
		case string:
			if slices.Contains(told, key) {
				return v
			}
			return "string"
		case bool:
			return "bool"
		}
		if slices.Contains(told, key) {
			return fmt.Sprint(tok)
		}
		return "number"
	}
	return value("", 0)
}

// eventShapes lists the shapes of a stream's events; runs of equal ones are one.
func eventShapes(t *testing.T, stream string) []string {
	t.Helper()
	var out []string
	sc := bufio.NewScanner(bytes.NewReader([]byte(stream)))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		data, ok := strings.CutPrefix(sc.Text(), "data: ")
		if !ok {
			if sc.Text() != "" {
				t.Errorf("line %q is no data", sc.Text())
			}
			continue
		}
		s := data
		if data != "[DONE]" {
			s = shapeOf(t, data)
		}
		// Two choices take turns, so the one before the last counts too.
		if n := len(out); n > 0 && out[n-1] == s || n > 1 && out[n-2] == s {
			continue
		}
		out = append(out, s)
	}
	return out
}
