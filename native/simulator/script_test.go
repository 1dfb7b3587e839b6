package simulator

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func control(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

func TestScriptsAnswerAndRecord(t *testing.T) {
	url := start(t, Options{Control: true, APIKey: "scripts need none"})
	tests := []struct {
		name, script string
		status       int
		header       http.Header
		body         string
		cut, length  bool
	}{
		{"one chunk", `{"status":418,"headers":[["content-type","application/json"],["x-a","1"],["x-a","2"]],"chunks":["{}"]}`, 418, http.Header{"Content-Type": {"application/json"}, "X-A": {"1", "2"}}, "{}", false, true},
		{"a stream", `{"headers":[["content-type","text/event-stream"]],"chunks":["data: a\n\n","data: b\n\n"],"gap_ms":1}`, 200, http.Header{"Content-Type": {"text/event-stream"}}, "data: a\n\ndata: b\n\n", false, false},
		{"bytes", `{"chunks_base64":["/wA=","AQ=="]}`, 200, http.Header{}, "\xff\x00\x01", false, false},
		{"cut", `{"headers":[["content-type","text/event-stream"]],"chunks":["data: a"],"end":"cut"}`, 200, http.Header{"Content-Type": {"text/event-stream"}}, "data: a", true, false},
		{"cut short of its length", `{"headers":[["content-length","100"]],"chunks":["{"],"end":"cut"}`, 200, http.Header{"Content-Length": {"100"}}, "{", true, true},
		{"cut before its body", `{"chunks":[],"end":"cut"}`, 200, http.Header{}, "", true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const id = "one"
			if status, got := control(t, http.MethodPut, url+"/simulator/scripts/"+id, tt.script); status != http.StatusNoContent {
				t.Fatalf("put: %d %s", status, got)
			}
			resp, got, err := post(t, url+"/any/path?q=1", "hello\x00", scriptHeader, id, "X-Mine", "a")
			if resp.StatusCode != tt.status || got != tt.body || tt.cut != errors.Is(err, io.ErrUnexpectedEOF) || !tt.cut && err != nil {
				t.Errorf("status %d, body %q, error %v", resp.StatusCode, got, err)
			}
			for k := range resp.Header {
				if k != "Content-Length" && k != "Connection" && strings.Join(resp.Header[k], ",") != strings.Join(tt.header[k], ",") {
					t.Errorf("header %s: %q", k, resp.Header[k])
				}
			}
			if (resp.ContentLength >= 0) != tt.length {
				t.Errorf("content length %d", resp.ContentLength)
			}
			_, got = control(t, http.MethodGet, url+"/simulator/scripts/"+id, "")
			var rec struct{ Requests []received }
			if err := json.Unmarshal([]byte(got), &rec); err != nil {
				t.Fatal(err)
			}
			if len(rec.Requests) != 1 {
				t.Fatalf("recorded %s", got)
			}
			r := rec.Requests[0]
			if body, _ := base64.StdEncoding.DecodeString(r.Body); string(body) != "hello\x00" || r.Method != "POST" || r.Path != "/any/path?q=1" {
				t.Errorf("recorded %+v", r)
			}
			named := 0
			for _, kv := range r.Headers {
				if kv[0] == "X-Mine" && kv[1] == "a" || kv[0] == "Host" && kv[1] == strings.TrimPrefix(url, "http://") {
					named++
				}
			}
			if named != 2 {
				t.Errorf("recorded headers %q", r.Headers)
			}
		})
	}
	if status, _ := control(t, http.MethodDelete, url+"/simulator/scripts/one", ""); status != http.StatusNoContent {
		t.Errorf("delete: %d", status)
	}
	if status, _ := control(t, http.MethodGet, url+"/simulator/scripts/one", ""); status != http.StatusNotFound {
		t.Errorf("get after delete: %d", status)
	}
	if resp, got, _ := post(t, url+"/x", "", scriptHeader, "one"); resp.StatusCode != http.StatusNotFound || !strings.Contains(got, "there is no script") {
		t.Errorf("use after delete: %d %s", resp.StatusCode, got)
	}
}

func TestBadScripts(t *testing.T) {
	url := start(t, Options{Control: true}) + "/simulator/scripts/"
	tests := []struct{ id, script, want string }{
		{"a", `{`, "script: unexpected EOF"},
		{"a", `{"chunk":[]}`, `unknown field \"chunk\"`},
		{"a", `{"status":99}`, "status 99 is not between 200 and 599"},
		{"a", `{"end":"bang"}`, `end \"bang\" is neither`},
		{"a", `{"chunks":["a"],"chunks_base64":["YQ=="]}`, "not both"},
		{"a", `{"gap_ms":-1}`, "gap_ms -1 is below 0"},
		{"a/b", `{}`, "one path element"},
	}
	for _, tt := range tests {
		if status, got := control(t, http.MethodPut, url+tt.id, tt.script); status != 400 || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %d %s", tt.script, status, got)
		}
	}
	if status, _ := control(t, http.MethodPost, url+"a", `{}`); status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", status)
	}
}
