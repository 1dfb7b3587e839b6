package hub

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// noted is how many bytes are noted of a member or an element of a request while it is turned,
// at most: as measured for an input of many small items.
const noted = 300

// Working is how many bytes it may take to turn a request's body, beside the body and what it
// is turned into. An edge that bounds the memory of all counts them.
func Working(body []byte) int {
	return noted * min(bytes.Count(body, []byte{','})+bytes.Count(body, []byte{'['})+bytes.Count(body, []byte{'{'}), jsonedit.MaxSteps)
}
