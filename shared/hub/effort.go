package hub

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// ReadEffort reads a client's effort, a JSON value, absent where it is empty or null. wrong
// says what is wrong with it, as the end of a sentence that begins with its name.
func ReadEffort(literal []byte) (e catalog.Effort, wrong string) {
	switch {
	case len(literal) == 0, literal[0] == 'n':
		return catalog.EffortUnsaid, ""
	case literal[0] != '"':
		return e, "must be a string, one of " + catalog.EffortWords + "."
	}
	word := jsonedit.Text(literal)
	e, known := catalog.ReadEffort(word)
	if !known {
		wrong = strconv.Quote(Excerpt(string(word))) + " is none of " + catalog.EffortWords + "."
	}
	return e, wrong
}
