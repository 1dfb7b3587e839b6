package upstream

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func TestCount(t *testing.T) {
	type says struct {
		status int
		answer string
	}
	var next atomic.Pointer[says]
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != "/tokenize" || r.Header.Get("Authorization") != "Bearer k" || string(body) != "{}" {
			t.Errorf("asked for %s %s %s of %s", r.Method, r.URL, body, r.Header)
		}
		w.WriteHeader(next.Load().status)
		_, _ = io.WriteString(w, next.Load().answer)
	})
	c, err := New(target, timeouts())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, tt := range []struct {
		says
		want, window int
	}{
		{says{200, `{"count":12345,"max_model_len":8192,"tokens":[1,2],"token_strs":null}`}, 12345, 8192},
		{says{200, `{"count":12345,"max_model_len":8192,"tokens":[` + strings.Repeat("123456,", 1<<20) + `1]}`}, 12345, 8192},
		{says{200, `{"count":5}`}, 5, 0},
		{says{200, `{"count":5,"max_model_len":null}`}, 5, 0},
		{says{200, `{"count":-1,"max_model_len":-1}`}, 0, 0},
		{says{200, `{"count":null}`}, 0, 0},
		{says{200, `{}`}, 0, 0},
		{says{200, `<html>`}, 0, 0},
		{says{200, ``}, 0, 0},
		{says{404, `{"count":5}`}, 0, 0},
	} {
		next.Store(&tt.says)
		r := &Request{Method: "POST", Target: "/v1/chat/completions", Header: http.Header{"Authorization": {"Bearer k"}}, Body: []byte("{}")}
		if got, window := c.Count(t.Context(), r); got != tt.want || window != tt.window {
			t.Errorf("%d %.60s: %d of %d, want %d of %d", tt.status, tt.answer, got, window, tt.want, tt.window)
		}
	}
}
