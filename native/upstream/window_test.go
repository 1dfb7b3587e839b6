package upstream

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestWindowIsKeptAndAskedAgain(t *testing.T) {
	var mu sync.Mutex
	asked, answer := 0, ""
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		if answer == "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, answer)
	})
	c, err := New(target, timeouts())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	now := time.Unix(1_700_000_000, 0)
	w := NewWindow(c, "m", func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	})
	for _, step := range []struct {
		after       time.Duration
		answer      string
		want, asked int
	}{
		{0, "", 0, 1},                // a refusal is not known
		{29 * time.Second, "", 0, 1}, // and remembered for a while
		{2 * time.Second, `{"data":[{"id":"other","max_model_len":1}]}`, 0, 2},
		{31 * time.Second, `not JSON`, 0, 3},
		{31 * time.Second, `{"data":[{"id":"m","max_model_len":4096}]}`, 4096, 4},
		{9 * time.Minute, `{"data":[{"id":"m","max_model_len":8192}]}`, 4096, 4}, // kept
		{2 * time.Minute, `{"data":[{"id":"m","max_model_len":8192}]}`, 8192, 5},
		{11 * time.Minute, `{"data":[{"id":"m","max_model_len":-1}]}`, 0, 6},
	} {
		mu.Lock()
		now, answer = now.Add(step.after), step.answer
		mu.Unlock()
		got := w.Tokens(t.Context(), "Bearer k")
		mu.Lock()
		if got != step.want || asked != step.asked {
			t.Errorf("after %s: %d tokens, asked %d times; want %d and %d", step.after, got, asked, step.want, step.asked)
		}
		mu.Unlock()
	}
}
