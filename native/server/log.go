package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/shared/access"
)

// logExchange writes the one line of a request. It says nothing of prompts.
func (c *call) logExchange() {
	level := slog.LevelInfo
	var ctx = context.Background()
	seen, method := c.client.traffic(), c.client.head().Method
	if c.x == nil {
		if c.h.log.Enabled(ctx, level) {
			c.h.log.LogAttrs(ctx, level, "exchange", slog.String("request_id", c.id), slog.String("method", method), slog.Int("code", seen.status))
		}
		return
	}
	route := c.x.Plan().Route
	if route == "health" {
		level = slog.LevelDebug
	}
	if !c.h.log.Enabled(ctx, level) {
		return
	}
	r := c.x.Report()
	var room [32]slog.Attr
	a := append(room[:0],
		slog.String("request_id", c.id),
		slog.String("client", remoteHost(seen.remote)),
		slog.String("method", method),
		slog.String("route", route),
		slog.String("uri", logging.URI(seen.uri)),
		slog.Int("code", seen.status),
	)
	text := func(key, value string) {
		if value != "" {
			a = append(a, slog.String(key, value))
		}
	}
	text("virtual_model", r.Model)
	if r.Served != "" {
		text("upstream", c.st.name)
		text("upstream_model", r.Served)
	}
	if r.Stream {
		a = append(a, slog.Bool("stream", true))
	}
	text("finish", r.Finish)
	reason := r.Reason
	if c.failure != "" {
		reason = c.failure
	}
	text("error_type", reason)
	if r.HasUsage {
		a = append(a,
			slog.Int("input_tokens", r.PromptTokens), slog.Int("output_tokens", r.CompletionTokens),
			slog.Int("cached_tokens", r.CachedTokens), slog.Int("reasoning_tokens", r.ReasoningTokens))
	}
	if seen.firstByte > 0 {
		a = append(a, slog.Float64("first_byte_ms", millis(seen.firstByte)))
	}
	a = append(a,
		slog.Float64("duration_ms", millis(time.Since(seen.start))),
		slog.Int64("bytes_in", seen.bytesIn), slog.Int64("bytes_out", seen.bytesOut))
	if len(r.Repairs) > 0 {
		text("repairs", strings.Join(r.Repairs, ","))
	}
	if c.h.log.Enabled(ctx, slog.LevelDebug) {
		text("changes", strings.Join(r.Changes, ","))
		if r.Model != "" {
			a = append(a, slog.Bool("thinking", r.Thinking))
		}
		a = append(a, slog.Any("headers", logging.Headers(c.client.fields())))
	}
	c.h.log.LogAttrs(ctx, level, "exchange", a...)
}

func millis(d time.Duration) float64 { return float64(d.Round(10*time.Microsecond)) / 1e6 }

func remoteHost(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// A bodyLog shows heads and bodies of one exchange, at the COMPLETE level.
type bodyLog struct {
	log        *slog.Logger
	id         string
	apiKey     string            // the upstream's
	credential access.Credential // the client's
}

func (l *bodyLog) enabled() bool {
	return l.log.Enabled(context.Background(), logging.LevelComplete)
}

// whole shows a head and a whole body.
func (l *bodyLog) whole(what string, header http.Header, body []byte) {
	if !l.enabled() {
		return
	}
	l.log.LogAttrs(context.Background(), logging.LevelComplete, what,
		slog.String("request_id", l.id),
		slog.Any("headers", logging.Headers(header)),
		slog.Int("bytes", len(body)),
		slog.String("body", logging.Body(body, l.secrets()...)))
}

// piece shows a piece of a stream.
func (l *bodyLog) piece(what string, piece []byte) {
	if !l.enabled() || len(piece) == 0 {
		return
	}
	l.log.LogAttrs(context.Background(), logging.LevelComplete, what,
		slog.String("request_id", l.id),
		slog.String("body", logging.Body(piece, l.secrets()...)))
}

// secrets are what is hidden in bodies.
func (l *bodyLog) secrets() []string {
	return []string{l.apiKey, logging.Credential(l.credential.Authorization), l.credential.APIKey}
}

// firstFrames cuts a stack to the frames that tell where it was.
func firstFrames(stack []byte) string {
	const frames = 16
	lines := strings.SplitAfterN(string(stack), "\n", 2*frames+2)
	if len(lines) > 2*frames+1 {
		lines = lines[:2*frames+1]
	}
	return strings.Join(lines, "")
}
