package edge

import (
	"fmt"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// A Counter is one of a plugin's metrics.
type Counter uint8

const (
	RequestCount Counter = iota // requests on our routes
	PassCount                   // requests passed through untouched
	RepairCount                 // repairs made in replies
	ErrorCount                  // error replies made by us, rewritten ones among them
	CutCount                    // replies that the upstream broke off, or whose end could not be written
	PanicCount                  // faults of our own
)

// CounterNames are the names that the counters have in the proxy's statistics.
var CounterNames = [...]string{
	RequestCount: "qwenvoy_requests",
	PassCount:    "qwenvoy_passed",
	RepairCount:  "qwenvoy_repairs",
	ErrorCount:   "qwenvoy_errors",
	CutCount:     "qwenvoy_stream_cut",
	PanicCount:   "qwenvoy_panics",
}

// report counts what an exchange that is over did, and writes a line about it where the
// configuration asks for one. The line never holds text of prompts or answers.
func (e *Exchange) report() {
	r := e.core.Report()
	if n := len(r.Repairs); n > 0 {
		e.host.Count(RepairCount, n)
	}
	if !e.plugin.trace {
		return
	}
	logLine(e.host, LevelDebug, fmt.Sprintf(
		"%s model=%+q upstream_model=%+q stream=%t thinking=%t status=%d finish=%s tokens=%d+%d "+
			"session=%s prompt=%s agent=%s parent=%s class=%s changes=%s repairs=%s dropped_items=%s reason=%s",
		r.Route, r.Model, r.Served, r.Stream, r.Thinking, e.status, r.Finish, r.PromptTokens, r.CompletionTokens,
		r.Session, r.Prompt, r.Agent, r.Parent, r.Class,
		strings.Join(r.Changes, ","), strings.Join(r.Repairs, ","),
		r.DroppedItems.Join(","), r.Reason))
}

// logLine writes a line to the proxy's log, by the rule of what a log may show.
func logLine(h Host, level Level, line string) { h.Log(level, redact.Line(line)) }
