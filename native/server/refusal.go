package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// A refusal is an upstream's reply that an operator wants to know of: a key that it does not
// take, a model that it has not, too much load, a failure. A 400 is the client's matter, and
// its words may quote the prompt.
type refusal struct {
	status  int // 0: none
	encoded bool
	body    []byte // its beginning
}

// maxRefusal is how much of a refusal's body is kept.
const maxRefusal = 4 << 10

// head looks at a reply's.
func (r *refusal) head(status int, header http.Header) {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound,
		status == http.StatusTooManyRequests, status >= 500:
		*r = refusal{status: status, encoded: header.Get("Content-Encoding") != ""}
	}
}

// take takes a piece of the reply's body, as it came.
func (r *refusal) take(b []byte) {
	if r.status != 0 {
		r.body = append(r.body, b[:min(len(b), maxRefusal-len(r.body))]...)
	}
}

// words are the upstream's.
func (r *refusal) words(known []string) string {
	body := r.body
	if r.encoded {
		body = nil
		if z, err := gzip.NewReader(bytes.NewReader(r.body)); err == nil {
			body, _ = io.ReadAll(io.LimitReader(z, maxRefusal)) // the end may be missing
		}
	}
	return probe.Words(body, known...)
}

// warn writes a line of the refusal, if one like it was not written just now.
func (f *refusal) warn(c *call, r *gateway.Report) {
	if f.status == 0 || f.status == http.StatusNotFound && r.Model == "" { // a path that the server has not
		return
	}
	said := f.words(c.log.secrets())
	left, write := c.h.repeats.Write(strconv.Itoa(f.status) + c.attempts.to.name + r.Served + said)
	if !write {
		return
	}
	a := []slog.Attr{
		slog.String("request_id", c.id), slog.String("upstream", c.attempts.to.name), slog.Int("code", f.status),
		slog.Any("said", logging.Checked(said)),
	}
	if len(r.Asked) > 0 {
		a = append(a, slog.Any("asked_model", logging.Checked(redact.Text(string(r.Asked[1:len(r.Asked)-1]), maxName))))
	}
	if r.Served != "" {
		a = append(a, slog.String("upstream_model", r.Served))
	}
	c.h.log.LogAttrs(context.Background(), slog.LevelWarn, "the upstream refused a request", suppressed(a, left)...)
}

// maxName is how much of a client's word is shown, a model's name or that of its program.
const maxName = 160

// suppressed says how many lines like this one were left out.
func suppressed(a []slog.Attr, left int) []slog.Attr {
	if left > 0 {
		a = append(a, slog.Int("suppressed", left))
	}
	return a
}
