package responses

import (
	"fmt"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

// reporter gathers what is wrong with the event at hand.
type reporter struct {
	seen   int // events before this one
	name   string
	faults []error
}

func (r *reporter) report(note bool, what string) {
	r.faults = append(r.faults, &grammar.Fault{Event: r.seen, Name: r.name, What: what, Note: note})
}

func (r *reporter) reportf(note bool, format string, args ...any) {
	r.report(note, fmt.Sprintf(format, args...))
}

func (r *reporter) fault(format string, args ...any) { r.reportf(false, format, args...) }

func (r *reporter) note(format string, args ...any) { r.reportf(true, format, args...) }

// mustBeEmpty checks an array of what begins; the shape has reported anything else.
func (r *reporter) mustBeEmpty(path string, object map[string]any, key string) {
	if a, _ := object[key].([]any); len(a) > 0 {
		r.fault("%s.%s is %s; must be [] at the begin", path, key, grammar.Describe(object[key]))
	}
}

// checkText compares the text of a done event with the deltas before it.
func (r *reporter) checkText(event map[string]any, key string, t *text) {
	s, ok := event[key].(string)
	if !ok {
		return
	}
	t.whole = s
	switch sum := t.String(); {
	case t.late && !strings.HasSuffix(s, sum):
		r.fault("%s is %s; must end with the deltas since the stream was resumed, %s", key, grammar.Describe(s), grammar.Describe(sum))
	case !t.late && s != sum:
		r.fault("%s is %s; must be its deltas joined, %s", key, grammar.Describe(s), grammar.Describe(sum))
	}
}
