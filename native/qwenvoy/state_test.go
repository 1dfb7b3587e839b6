package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"
	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

func request(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestResponsesOutliveTheProcessInAFolder(t *testing.T) {
	up := httptest.NewServer(simulator.New(simulator.Options{}))
	defer up.Close()
	folder := t.TempDir()
	args := []string{"--served-model", simulator.DefaultModel, "--target", up.URL, "--state-folder", folder}
	first := run(t, noEnv, args...)
	status, text := request(t, "POST", first.url+"/v1/responses", `{"model":"qwen3.5-thinking-coding","input":"hello"}`)
	if status != 200 {
		t.Fatal(text)
	}
	first.signals <- syscall.SIGTERM
	if code := first.exited(t); code != 0 {
		t.Fatal(code)
	}
	second := run(t, noEnv, args...)
	status, again := request(t, "GET", second.url+"/v1/responses/"+gjson.Get(text, "id").Str, "")
	if status != 200 || again != text {
		t.Errorf("%d %s\nwas %s", status, again, text)
	}
}

func TestAFolderThatCantBeUsedIsSaid(t *testing.T) {
	var log bytes.Buffer
	p := &process{args: []string{"--served-model", "m", "--state-folder", "/proc/none/such", "--port", "1"}, env: noEnv, stdout: io.Discard, stderr: &log}
	if code := p.run(context.Background()); code != 1 || !strings.Contains(log.String(), "state folder: mkdir /proc/none") {
		t.Errorf("%d: %s", code, &log)
	}
}

// A socket that waits does not hold the drain up; one with a response does, for as long
// as that takes, and is told that the gateway goes away.
func TestSocketsAndTheDrain(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	r := run(t, noEnv, "--served-model", "Served", "--target", slow(t, begun, finish))
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	dial := func() *websocket.Conn {
		t.Helper()
		c, _, err := websocket.Dial(ctx, r.url+"/v1/responses", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.CloseNow() })
		return c
	}
	idle, busy := dial(), dial()
	if err := busy.Write(ctx, websocket.MessageText, []byte(`{"type":"response.create","model":"qwen3.5-thinking-coding","input":"x"}`)); err != nil {
		t.Fatal(err)
	}
	<-begun
	r.signals <- syscall.SIGTERM
	if _, _, err := idle.Read(ctx); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Error(err)
	}
	close(finish)
	last := ""
	for {
		_, b, err := busy.Read(ctx)
		if err != nil {
			if websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Error(err)
			}
			break
		}
		last = gjson.GetBytes(b, "type").Str
	}
	if last != "response.completed" {
		t.Errorf("the last event is %s", last)
	}
	if code := r.exited(t); code != 0 {
		t.Error(code)
	}
	r.logged(t, `"ended_early":0`)
}
