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
// entitlement, and will not pass. now, in Unix seconds, is for a header that has no date.
func (r *route) retryFields(status int, ended bool, now int64, header func(name string) string) [][2]string {
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
	case err != nil:
		seconds = waitOf(after, header("date"), now)
	case seconds <= longestWait && ms <= longestWait*1000:
		return nil
	}
	if isMessages {
		seconds = min(seconds, longestWait)
	}
	return [][2]string{{"retry-after", strconv.Itoa(seconds)}}
}

// waitOf is how many seconds are meant by what is no whole number of them: parts of one, or a
// date, which is the server's, and so is counted from its own clock where it tells that; else
// from now. longestWait for what is neither.
func waitOf(after, date string, now int64) int {
	if whole, _, ok := strings.Cut(after, "."); ok {
		if n, err := strconv.Atoi(whole); err == nil && n >= 0 {
			return min(n, longestWait) + 1
		}
	}
	at, ok := unixOf(after)
	if !ok {
		return longestWait
	}
	if server, ok := unixOf(date); ok {
		now = server
	}
	return int(min(max(at-now, 1), longestWait))
}

// unixOf reads a date as HTTP's servers write it: Mon, 30 Nov 2026 22:00:07 GMT. Package time
// would make the filter's module 96 KB larger.
func unixOf(date string) (seconds int64, ok bool) {
	const form = "Mon, 02 Jan 2006 15:04:05 GMT"
	if len(date) != len(form) {
		return 0, false
	}
	month := strings.Index("MarAprMayJunJulAugSepOctNovDecJanFeb", date[8:11])
	if month < 0 || month%3 != 0 {
		return 0, false
	}
	var n [5]int // day, year, hour, minute, second
	for i, at := range [...][2]int{{5, 7}, {12, 16}, {17, 19}, {20, 22}, {23, 25}} {
		var err error
		if n[i], err = strconv.Atoi(date[at[0]:at[1]]); err != nil || n[i] < 0 {
			return 0, false
		}
	}
	// Years that begin in March have their leap day at the end.
	month /= 3
	year := n[1] - month/10
	days := 365*year + year/4 - year/100 + year/400 + (153*month+2)/5 + n[0] - 719469
	return int64(days)*86400 + int64(n[2]*3600+n[3]*60+n[4]), true
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
	fields := r.retryFields(a.Status, refusal.Of(p).Class == refusal.Ended, 0, after)
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
