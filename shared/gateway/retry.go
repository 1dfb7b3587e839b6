package gateway

import (
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/refusal"
)

// Clients try again by these two fields. Claude Code tries a 401 eleven times for three
// minutes unless it is told not to; Codex ends its turn on a 429 that names no time.

// noRetry: the same request will fail again until a person does something.
var noRetry = [2]string{"x-should-retry", "false"}

const (
	// shortWait is named where a server that is busy names no time, in seconds.
	shortWait = 5
	// longestWait is what clients of Messages wait for; they give up over about a minute.
	longestWait = 50
)

// isFinal tells whether a status means that trying again is of no use: no key or a wrong
// one, nobody pays, forbidden, no such model, a route that nobody has.
func isFinal(status int) bool {
	return status == 401 || status == 402 || status == 403 || status == 404 || status == 501
}

// retryFields are the fields that tell the client when to try again, where a reply with
// this header says nothing of it, or what its clients can't do. ended: the 429 is of an
// entitlement, and will not pass.
func (r *route) retryFields(status int, ended bool, header func(name string) string) [][2]string {
	switch {
	case ended, isFinal(status):
		return [][2]string{noRetry}
	case status != 429:
		return nil
	}
	after := strings.TrimSpace(header("retry-after"))
	seconds, err := strconv.Atoi(after)
	ms, _ := strconv.Atoi(header("retry-after-ms"))
	isMessages := strings.HasPrefix(r.name, "messages")
	switch {
	case after == "" && ms > 0:
		seconds = (ms + 999) / 1000
	case after == "", seconds < 0:
		seconds = shortWait
	case !isMessages:
		return nil
	case err != nil: // a date, or parts of a second
		seconds = longestWait
	case seconds <= longestWait && ms <= longestWait*1000:
		return nil
	}
	if isMessages {
		seconds = min(seconds, longestWait)
	}
	return [][2]string{{"retry-after", strconv.Itoa(seconds)}}
}

// withRetry is the header of our own answer to a problem, with these fields.
func (r *route) withRetry(a *hub.Answer, p *hub.Problem) [][2]string {
	header := a.Header
	after := func(name string) string {
		for _, f := range header {
			if f[0] == name {
				return f[1]
			}
		}
		return ""
	}
	fields := r.retryFields(a.Status, refusal.Of(p).Class == refusal.Ended, after)
	if len(fields) == 0 {
		return header
	}
	kept := make([][2]string, 0, len(header)+1)
	for _, f := range header {
		if f[0] != fields[0][0] {
			kept = append(kept, f)
		}
	}
	return append(kept, fields...)
}
