package simulator

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const off = `,"reasoning_effort":"none"`

func TestFaultsOfAStream(t *testing.T) {
	url := start(t, Options{Control: true}) + "/v1/chat/completions"
	body := ask("count to 30", off+`,"stream":true`)
	_, sound, err := post(t, url, body)
	if err != nil {
		t.Fatal(err)
	}
	all := read(t, sound)
	events := strings.Count(sound, "\n\n")
	tests := []struct {
		fault string
		check func(t *testing.T, got string, err error)
	}{
		{"misplaced", func(t *testing.T, got string, err error) {
			if s := read(t, got); s.content != "" || s.reasoning != all.content || s.finish != "stop" {
				t.Errorf("%+v", s)
			}
		}},
		{"misplaced, reasoning-content", func(t *testing.T, got string, err error) {
			if !strings.Contains(got, `"delta":{"reasoning_content":"1"}`) || strings.Contains(got, `"reasoning":`) {
				t.Error(got)
			}
		}},
		{"leaked-think", func(t *testing.T, got string, err error) {
			if s := read(t, got); s.reasoning != "" || s.content != "<think>\nThe user says: count to 30\n</think>\n\n"+all.content {
				t.Errorf("%+v", s)
			}
		}},
		{"error-in-stream", func(t *testing.T, got string, err error) {
			if s := read(t, got); s.failed == "" || !s.done || s.finish != "" || err != nil {
				t.Errorf("%+v, %v", s, err)
			}
		}},
		{"cut", func(t *testing.T, got string, err error) {
			if !errors.Is(err, io.ErrUnexpectedEOF) || strings.Count(got, "\n\n") != preset || !strings.HasSuffix(got, "\n\n") {
				t.Errorf("error %v after %q", err, got)
			}
		}},
		{"cut=7", func(t *testing.T, got string, err error) {
			if !errors.Is(err, io.ErrUnexpectedEOF) || strings.Count(got, "\n\n") != 7 {
				t.Errorf("error %v after %q", err, got)
			}
		}},
		{"cut-event", func(t *testing.T, got string, err error) {
			if !errors.Is(err, io.ErrUnexpectedEOF) || strings.HasSuffix(got, "\n") || strings.Count(got, "\n\n") != preset-1 {
				t.Errorf("error %v after %q", err, got)
			}
		}},
		{"no-done", func(t *testing.T, got string, err error) {
			if s := read(t, got); s.done || s.content != all.content || err != nil {
				t.Errorf("%+v, %v", s, err)
			}
		}},
		{"keep-alive", func(t *testing.T, got string, err error) {
			if n := strings.Count(got, ": keep-alive\n\n"); n != events || read(t, got).content != all.content {
				t.Errorf("%d comments for %d events", n, events)
			}
		}},
		{"crlf", func(t *testing.T, got string, err error) {
			if strings.Count(got, "\r\n\r\n") != events || read(t, strings.ReplaceAll(got, "\r\n", "\n")).content != all.content {
				t.Errorf("%q", got)
			}
		}},
		{"cr", func(t *testing.T, got string, err error) {
			if strings.Contains(got, "\n") || strings.Count(got, "\r\r") != events {
				t.Errorf("%q", got)
			}
		}},
		{"gzip", func(t *testing.T, got string, err error) {
			z, bad := gzip.NewReader(strings.NewReader(got))
			if bad != nil {
				t.Fatal(bad)
			}
			plain, bad := io.ReadAll(z)
			if s := read(t, string(plain)); s.content != all.content || !s.done || bad != nil || err != nil {
				t.Errorf("%+v, %v, %v", s, bad, err)
			}
		}},
		{"split=5, slow=1us", func(t *testing.T, got string, err error) {
			if s := read(t, got); s.content != all.content || !s.done || err != nil {
				t.Errorf("%+v, %v", s, err)
			}
		}},
		{"late-head=1ms", func(t *testing.T, got string, err error) {
			if s := read(t, got); s.content != all.content || !s.done || err != nil {
				t.Errorf("%+v, %v", s, err)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			_, got, err := post(t, url, body, faultHeader, tt.fault)
			tt.check(t, got, err)
		})
	}
}

// TestSplitFlushesEachPiece reads the chunks as they are on the wire.
func TestSplitFlushesEachPiece(t *testing.T) {
	url := start(t, Options{Fault: []string{"split=10"}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := ask("hello", `,"stream":true`)
	fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	_, chunks, _ := strings.Cut(string(all), "\r\n\r\n")
	if !strings.HasPrefix(chunks, "a\r\ndata: {\"id\r\na\r\n") {
		t.Errorf("chunks begin %.60q", chunks)
	}
}

func TestFaultsOfAWholeReply(t *testing.T) {
	url := start(t, Options{Control: true}) + "/v1/chat/completions"
	body := ask("count to 30", off)
	_, sound, _ := post(t, url, body)
	resp, got, err := post(t, url, body, faultHeader, "cut=40")
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 40 || resp.ContentLength < 40 {
		t.Errorf("cut: %q, %v", got, err)
	}
	if _, got, err = post(t, url, body, faultHeader, "cut-event"); !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != len(sound)/2 {
		t.Errorf("cut-event: %q, %v", got, err)
	}
	resp, got, _ = post(t, url, body, faultHeader, "gzip")
	z, err := gzip.NewReader(bytes.NewReader([]byte(got)))
	if err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(z); err != nil || len(plain) != len(sound) {
		t.Errorf("gzip: %q, %v", plain, err)
	}
	resp, got, _ = post(t, url, body, faultHeader, "429")
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("429: %d %s", resp.StatusCode, got)
	}
	if resp, got, _ = post(t, url, body, faultHeader, "503"); resp.StatusCode != 503 || !strings.Contains(got, `"type":"Service Unavailable"`) {
		t.Errorf("503: %d %s", resp.StatusCode, got)
	}
	if resp, got, _ = post(t, url, body, faultHeader, "error-in-stream"); resp.StatusCode != 500 || !strings.Contains(got, "InternalServerError") {
		t.Errorf("error-in-stream: %d %s", resp.StatusCode, got)
	}
	if _, got, _ = post(t, url, body, faultHeader, "misplaced, reasoning-content"); !strings.Contains(got, `"reasoning_content":"1 2 3`) || !strings.Contains(got, `"content":null`) {
		t.Errorf("misplaced: %s", got)
	}
	if _, got, err = post(t, url, body, faultHeader, "split=7"); err != nil || len(got) != len(sound) {
		t.Errorf("split: %q, %v", got, err)
	}
}

func TestBadArguments(t *testing.T) {
	url := start(t, Options{Fault: []string{"bad-arguments"}})
	body := ask(`simulate: call get_weather {"city":"Paris"}`, weather)
	args := chat(t, url, body).Choices[0].Message.ToolCalls[0].Function.Arguments
	if json.Valid([]byte(args)) || args != `{"city": "Paris"` {
		t.Errorf("whole: %s", args)
	}
	s := chatStream(t, url, strings.TrimSuffix(body, "}")+`,"stream":true}`)
	if s.arguments[0] != `{"city": "Paris"` || s.finish != "tool_calls" {
		t.Errorf("stream: %+v", s)
	}
}

// TestStallEndsWithTheClient also shows that what comes before the stall comes.
func TestStallEndsWithTheClient(t *testing.T) {
	url := start(t, Options{Control: true}) + "/v1/chat/completions"
	for _, more := range []string{"", `,"stream":true`} {
		ctx, cancel := context.WithCancel(context.Background())
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(ask("count to 30", more)))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(faultHeader, "stall=2")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 2)
		if _, err := io.ReadFull(resp.Body, buf); err != nil {
			t.Errorf("nothing came before the stall: %v", err)
		}
		time.AfterFunc(20*time.Millisecond, cancel)
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("the stall ended by %v", err)
		}
		resp.Body.Close()
		cancel()
	}
	// The server's Close at the test's end waits for both handlers.
}

// What a server without parsers answers was recorded.
func TestMissingParsers(t *testing.T) {
	url := start(t, Options{Fault: []string{"no-reasoning-parser", "no-tool-parser"}}) + "/v1/chat/completions"
	_, got, _ := post(t, url, ask("hello", ""))
	if !strings.Contains(got, `"content":"The user greets me. I greet back.\n</think>\n\n`) || !strings.Contains(got, `"reasoning":null`) {
		t.Error(got)
	}
	const refused = `{"error":{"message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set","type":"BadRequestError","param":null,"code":400}}`
	if resp, got, _ := post(t, url, ask("hello", weather)); resp.StatusCode != 400 || got != refused {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
	if resp, got, _ := post(t, url, ask("hello", weather+`,"tool_choice":"none"`)); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
}

func TestUnknownFaults(t *testing.T) {
	url := start(t, Options{Control: true}) + "/v1/chat/completions"
	tests := []struct{ fault, want string }{
		{"nosuch", `unknown fault \"nosuch\"; known are 429, 503, bad-arguments, cr, crlf, cut, cut-event, error-in-stream, gzip, keep-alive, late-head, leaked-think, misplaced, no-done, no-reasoning-parser, no-tool-parser, reasoning-content, slow, split, stall`},
		{"cut=x", `fault cut wants a number from 0 up, got \"x\"`},
		{"split", `fault split wants a number from 0 up, got \"\"`},
		{"slow=x", `fault slow wants a duration like 50ms, got \"x\"`},
		{"crlf=1", `fault crlf takes no value, got \"1\"`},
	}
	for _, tt := range tests {
		if resp, got, _ := post(t, url, ask("x", ""), faultHeader, tt.fault); resp.StatusCode != 400 || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %d %s", tt.fault, resp.StatusCode, got)
		}
	}
	if err := (&Options{Fault: []string{"cut=2", "nosuch"}}).Validate(); err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("Validate: %v", err)
	}
	if err := (&Options{Fault: []string{"cut=2", "slow=1s"}}).Validate(); err != nil {
		t.Errorf("Validate: %v", err)
	}
}

func TestHeadersAskForNothingWithoutControl(t *testing.T) {
	url := start(t, Options{})
	if r := chat(t, url, ask("hello", ""), faultHeader, "503", scriptHeader, "a"); len(r.Choices) != 1 {
		t.Errorf("%+v", r)
	}
	req, _ := http.NewRequest(http.MethodPut, url+"/simulator/scripts/a", strings.NewReader("{}"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", resp.StatusCode)
	}
}
