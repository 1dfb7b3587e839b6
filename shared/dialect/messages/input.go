package messages

import (
	"math"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// input is the request's text while it is read: the Scanner over it, those over values
// that lie in it, where the reading stands, and the first thing that is wrong.
type input struct {
	place
	src []byte
	s   jsonedit.Scanner
	// nested are for what lies in values of the request, depth of them in use.
	nested  [6]jsonedit.Scanner
	depth   int
	problem *hub.Problem
}

// reset starts on another request; nil leaves nothing of one behind.
func (in *input) reset(src []byte) {
	in.place, in.src, in.depth, in.problem = nowhere, src, 0, nil
	in.s.Reset(src)
	in.s.FromClient()
	for i := range in.nested {
		in.nested[i].Reset(nil)
	}
}

// reject notes what is wrong with the request; the first counts. path is where.
//
//go:noinline
func (in *input) reject(path, format string, args ...any) {
	if in.problem == nil {
		in.problem = hub.BadRequest(path, path+": "+format, args...)
	}
}

// rejectHere is reject of a key at the place of the reading.
//
//go:noinline
func (in *input) rejectHere(key, format string, args ...any) { in.reject(in.at(key), format, args...) }

// enter begins to read a value that lies in the request. Each is followed by leave.
func (in *input) enter(value []byte) *jsonedit.Scanner {
	s := &in.nested[in.depth]
	in.depth++
	s.Reset(value)
	return s
}

func (in *input) leave(s *jsonedit.Scanner) {
	in.depth--
	if err := s.Err(); err != nil { // too many elements: the syntax was looked at before
		in.rejectHere("", "%v.", err)
	}
}

// member is the last of that name in an object, nil if there is none.
func (in *input) member(object []byte, name string) (found []byte) {
	if !jsonedit.Is(object, jsonedit.Object) {
		return nil
	}
	s := in.enter(object)
	defer in.leave(s)
	for s.BeginObject(); s.NextMember(); {
		if here := string(s.Key()) == name; here {
			found = s.Literal()
		} else {
			s.Value()
		}
	}
	return found
}

// typeOf is what an object's member type says, nil for none.
func (in *input) typeOf(object []byte) []byte { return jsonedit.Text(in.member(object, "type")) }

// A place is where in a request the reading stands: a message, a block in it, a block in
// that; -1 for none. Without a message it is the system prompt.
type place struct {
	message, block, inner int
	// blockKind and innerKind are what the blocks' types say, nil where that is not known yet.
	blockKind, innerKind []byte
}

var nowhere = place{message: -1, block: -1, inner: -1}

// at is a path such as messages.1.content.0.tool_result.content.2.image.source. Blocks are
// named by number and kind as Anthropic's API names them: Claude Code reads off such a path
// which image or document it has to leave out.
func (p *place) at(key string) string {
	path := "system"
	if p.message >= 0 {
		path = "messages." + strconv.Itoa(p.message)
		if p.block >= 0 {
			path += ".content"
		}
	}
	if p.block >= 0 {
		path += "." + strconv.Itoa(p.block)
	}
	kind := p.blockKind
	if p.inner >= 0 {
		path = appendKind(path, kind) + ".content." + strconv.Itoa(p.inner)
		kind = p.innerKind
	}
	switch {
	case key == "":
		return path
	case p.message >= 0 && p.block >= 0 && key != "type": // which is the kind, and wrong
		path = appendKind(path, kind)
	}
	return path + "." + key
}

// appendKind adds a block's kind to its path, if it is a word.
func appendKind(path string, kind []byte) string {
	if len(kind) == 0 || len(kind) > 40 {
		return path
	}
	for _, c := range kind {
		if c != '_' && (c < 'a' || c > 'z') {
			return path
		}
	}
	return path + "." + string(kind)
}

// integer reads a JSON number without a fraction.
func integer(v []byte) (int, bool) {
	if n, err := strconv.Atoi(string(v)); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(v), 64)
	switch {
	case err != nil && !math.IsInf(f, 0), f != math.Trunc(f):
		return 0, false
	case f >= math.MaxInt32: // more than any window
		return math.MaxInt32, true
	}
	return int(max(f, math.MinInt32)), true
}
