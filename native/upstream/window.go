package upstream

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tidwall/gjson"
)

// Window learns a model's context window from the upstream's /v1/models: asked when
// first needed, by one request however many wait for it, kept for ten minutes. It
// never fails: what can't be learned is 0, "not known", and asked again half a minute later.
type Window struct {
	client *Client
	model  string
	now    func() time.Time

	mu      sync.Mutex
	tokens  int
	expires time.Time
	asking  chan struct{} // closed when the running question is answered
}

const (
	windowKept    = 10 * time.Minute
	windowUnknown = 30 * time.Second
	windowTimeout = 3 * time.Second
	windowMaxBody = 4 << 20
)

// NewWindow makes a Window for the served model's name. now is the clock, nil for the system's.
func NewWindow(c *Client, model string, now func() time.Time) *Window {
	if now == nil {
		now = time.Now
	}
	return &Window{client: c, model: model, now: now}
}

// Tokens returns the window, 0 when it is not known. ctx bounds the wait of this
// caller, not the question itself, which others may be waiting for too.
func (w *Window) Tokens(ctx context.Context, authorization string) int {
	w.mu.Lock()
	if w.now().Before(w.expires) {
		defer w.mu.Unlock()
		return w.tokens
	}
	done := w.asking
	if done == nil {
		done = make(chan struct{})
		w.asking = done
		go w.ask(authorization, done)
	}
	w.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tokens
}

// Known is the window without a question: the configured one where that is not 0, else the
// last that was learned, 0 for none.
func (w *Window) Known(configured int) int {
	if configured > 0 {
		return configured
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tokens
}

func (w *Window) ask(authorization string, done chan struct{}) {
	tokens := w.fetch(authorization)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens = tokens
	kept := windowKept
	if tokens == 0 {
		kept = windowUnknown
	}
	w.expires = w.now().Add(kept)
	w.asking = nil
	close(done)
}

func (w *Window) fetch(authorization string) int {
	ctx, cancel := context.WithTimeout(context.Background(), windowTimeout)
	defer cancel()
	resp, err := w.client.Get(ctx, "/v1/models", authorization)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, windowMaxBody))
	if err != nil || !gjson.ValidBytes(body) {
		return 0
	}
	tokens := 0
	gjson.GetBytes(body, "data").ForEach(func(_, m gjson.Result) bool {
		if m.Get("id").String() != w.model {
			return true
		}
		tokens = int(max(0, m.Get("max_model_len").Int()))
		return false
	})
	return tokens
}
