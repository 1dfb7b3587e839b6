package hub

import (
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Resolve finds the virtual model that the name in a string literal stands for, in the class of
// the request, and notes both in the turn.
func (t *Turn) Resolve(literal []byte) *Problem {
	name := jsonedit.AppendUnquoted(nil, literal)
	t.Request.Model = nil
	if len(literal) <= maxName {
		t.Request.Model = t.Catalog.Resolve(name)
	}
	if t.Request.Model == nil {
		return UnknownModel(string(name), t.Catalog)
	}
	m := t.Request.Model.For(t.Request.Hints.Class)
	t.Request.Virtual, t.Request.Model = m, m.At(t.target)
	t.Request.Name = jsonedit.PutBytes(t.Request.Name[:0], literal)
	return nil
}

// maxName is the most bytes of a model name's literal that a pattern may match. The
// name comes back in every chunk of a stream.
const maxName = 1 << 10

// UnknownModel is the 404 for a name that no virtual model or alias has.
func UnknownModel(name string, c *catalog.Catalog) *Problem {
	return &Problem{Status: 404, Type: TypeModelNotFound, Param: "model", Reason: "model_not_found",
		Message: "The model " + strconv.Quote(Excerpt(name)) + " does not exist. The models are " + strings.Join(c.Listed(), ", ") + "."}
}
