package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// traffic is what went between a client and the gateway in one exchange.
type traffic struct {
	remote, uri       string // where the request came from, and what it asked for
	start             time.Time
	status            int
	wrote             bool // the reply's head went out
	bytesIn, bytesOut int64
	firstByte         time.Duration
}

// write writes a piece of the reply's body.
func (t *traffic) write(w io.Writer, b []byte) (int, error) {
	if t.firstByte == 0 && len(b) > 0 {
		t.firstByte = time.Since(t.start)
	}
	n, err := w.Write(b)
	t.bytesOut += int64(n)
	return n, err
}

// An outcome is what became of one exchange. It says nothing of prompts.
type outcome struct {
	*traffic
	id, method string
	header     http.Header // the request's
	report     gateway.Report
	failure    string // what ended it early, "" where the report knows it
}

// An Observer is told of each exchange when it is over, whoever served it, and writes its
// line in the log.
type Observer struct {
	log *slog.Logger
	ids ids
}

// NewObserver makes an Observer.
func NewObserver(log *slog.Logger) *Observer { return &Observer{log: log, ids: newIDs()} }

func levelOf(route string) slog.Level {
	if isProbe(route) || route == telemetryRoute { // which come by the clock
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// listens tells whether exchanges of a route are observed at all.
func (o *Observer) listens(route string) bool {
	return o.log.Enabled(context.Background(), levelOf(route))
}

// over writes the line of an exchange.
func (o *Observer) over(x *outcome) {
	ctx, r := context.Background(), &x.report
	var room [40]slog.Attr
	a := append(room[:0],
		slog.String("request_id", x.id),
		slog.String("client", logging.RemoteHost(x.remote)),
		slog.String("method", x.method),
	)
	if agent := x.header.Get("User-Agent"); agent != "" {
		a = append(a, slog.Any("user_agent", logging.Checked(redact.Text(agent, maxName))))
	}
	text := func(key, value string) {
		if value != "" {
			a = append(a, slog.String(key, value))
		}
	}
	text("route", r.Route)
	a = append(a, slog.String("uri", logging.URI(x.uri)), slog.Int("code", x.status))
	text("virtual_model", r.Model)
	if r.Served != "" {
		text("upstream", r.Upstream)
		text("upstream_model", r.Served)
	}
	if r.Stream {
		a = append(a, slog.Bool("stream", true), slog.Int("events", r.Events))
	}
	for _, hashed := range [...][2]string{{"session", r.Session}, {"prompt", r.Prompt}, {"agent", r.Agent}, {"parent", r.Parent}} {
		if hashed[1] != "" {
			a = append(a, slog.Attr{Key: hashed[0], Value: logging.Checked(hashed[1])})
		}
	}
	text("class", r.Class.String())
	text("finish", r.Finish)
	reason := r.Reason
	if x.failure != "" {
		reason = x.failure
	}
	text("error_type", reason)
	if r.HasUsage {
		a = append(a,
			slog.Int("input_tokens", r.PromptTokens), slog.Int("output_tokens", r.CompletionTokens),
			slog.Int("cached_tokens", r.CachedTokens), slog.Int("reasoning_tokens", r.ReasoningTokens))
	}
	if x.firstByte > 0 {
		a = append(a, slog.Float64("first_byte_ms", millis(x.firstByte)))
	}
	a = append(a,
		slog.Float64("duration_ms", millis(time.Since(x.start))),
		slog.Int64("bytes_in", x.bytesIn), slog.Int64("bytes_out", x.bytesOut))
	if len(r.Repairs) > 0 {
		text("repairs", strings.Join(r.Repairs, ","))
	}
	text("dropped_items", r.DroppedItems.Join(","))
	if o.log.Enabled(ctx, slog.LevelDebug) {
		text("changes", strings.Join(r.Changes, ","))
		if r.Model != "" {
			a = append(a, slog.Bool("thinking", r.Thinking))
		}
		a = append(a, slog.Any("headers", logging.Headers(x.header)))
	}
	o.log.LogAttrs(ctx, levelOf(r.Route), "exchange", a...)
}

func millis(d time.Duration) float64 { return float64(d.Round(10*time.Microsecond)) / 1e6 }

// counter is an http.ResponseWriter that notes what goes out. Unwrap lets
// http.ResponseController reach flush and hijack.
type counter struct {
	http.ResponseWriter
	seen *traffic
	// noHints: the client knows of no replies before the reply (HTTP/1.0).
	noHints bool
}

// earlyEdit drops what a reply before the reply can't mean for the client.
var earlyEdit = hub.HeaderEdit{
	Drop:         append([]string{"connection", "keep-alive", "trailer", "upgrade"}, access.ServerFields...),
	DropPrefixes: access.ServerPrefixes,
}

func (w *counter) WriteHeader(status int) {
	switch {
	case status >= 200 || status == http.StatusSwitchingProtocols:
		w.seen.status, w.seen.wrote = status, true
		leaveTypeOut(w.Header())
	case w.noHints:
		return
	default:
		upstream.EditHeader(w.Header(), earlyEdit)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *counter) Write(p []byte) (int, error) {
	w.seen.wrote = true
	if w.seen.status == 0 {
		w.seen.status = http.StatusOK
	}
	return w.seen.write(w.ResponseWriter, p)
}

func (w *counter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// An Observed is the reply of a handler in front of the Handler, which answers by itself.
type Observed struct {
	counter
	observer *Observer
	traffic  traffic
	outcome  outcome
}

// Observe begins the observation of a request whose reply goes out through what it
// returns. End must be called when it is over.
func (o *Observer) Observe(w http.ResponseWriter, r *http.Request, route string) *Observed {
	b := &Observed{
		observer: o,
		traffic:  traffic{remote: r.RemoteAddr, uri: r.RequestURI, start: time.Now()},
		outcome: outcome{id: o.ids.of(r.Header), method: r.Method, header: r.Header,
			report: gateway.Report{Route: route, Session: sessionOf(r)}},
	}
	b.counter = counter{ResponseWriter: w, seen: &b.traffic}
	b.outcome.traffic = &b.traffic
	return b
}

// sessionOf is what a Report says of the session of a request that is not the core's.
func sessionOf(r *http.Request) string {
	h := access.ReadHints(func(name string) string { return fieldOf(r, name) })
	return access.Hashed(h.Session)
}

// Body reads the body of a request that is answered here, without its content-encoding, of at
// most limit bytes. It counts against the share, for as long as that is held.
func (b *Observed) Body(r *http.Request, limit int, share *memory.Share) ([]byte, hub.Fault) {
	cl := newHTTPClient(b.ResponseWriter, r, access.Credential{})
	defer cl.free()
	in, f := cl.body(int64(limit), share)
	switch {
	case f == hub.NoFault && in == nil:
		return nil, hub.BrokenBody
	case in == nil:
		return nil, f
	}
	b.traffic.bytesIn = cl.seen.bytesIn
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(strings.TrimSpace(e), "identity") {
		limit, over := gateway.DecodedLimit(limit, len(in.b))
		plain, f := decode(in.b, e, limit, share, true)
		in.free()
		switch f {
		case hub.NoFault:
		case hub.BodyTooLarge:
			return nil, over
		default:
			return nil, f
		}
		in = plain
	}
	return in.b, hub.NoFault // never pooled again: it is the caller's
}

// Failed notes why the request was refused, in a word for the log.
func (b *Observed) Failed(reason string) { b.outcome.failure = reason }

// End tells the observer.
func (b *Observed) End() {
	if b.observer.listens(b.outcome.report.Route) {
		b.observer.over(&b.outcome)
	}
}

var _ http.ResponseWriter = (*counter)(nil) // interface guard
