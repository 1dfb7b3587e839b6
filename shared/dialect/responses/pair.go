package responses

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A pair takes the input of a custom tool out of a list of the tool's name and one string,
// ["apply_patch","…"], which is how models write a command line. The list may stand in the
// input's place or, as a text, in the input; a text is held back as long as it may be one.
type pair struct {
	tool toolset.Tool
	held []byte // as inside a string literal
	// decided: the text is none, and nothing of it is held back. begun: it begins as one.
	decided, begun bool
}

func (p *pair) reset() { p.held, p.decided, p.begun = p.held[:0], false, false }

// next takes a piece of the text, which holds whole escapes, and returns what is no list.
func (p *pair) next(piece []byte) []byte {
	if p.decided || len(piece) == 0 {
		return piece
	}
	p.held = jsonedit.PutBytes(p.held, piece)
	if p.begun || len(p.held) < maxPairHead && p.begins(jsonedit.AppendUnescaped(nil, p.held)) {
		return nil
	}
	p.decided = true
	return p.held
}

// end is what was held back of the text: the string, where it was a list.
func (p *pair) end() []byte {
	if p.decided {
		return nil
	}
	if input, ok := p.in(jsonedit.AppendUnescaped(nil, p.held)); ok {
		return input
	}
	return p.held
}

// maxPairHead is more than a list has before its string, white space in measure.
const maxPairHead = 1000

// begins tells whether a list of that kind begins so, or may with what comes.
func (p *pair) begins(text []byte) bool {
	for _, name := range [...]string{string(p.tool.Name), p.tool.Upstream} {
		rest := text
		for _, token := range [...]string{"[", `"` + name + `"`, ",", `"`} {
			rest = bytes.TrimLeft(rest, " \t\r\n")
			n := min(len(rest), len(token))
			if name == "" || string(rest[:n]) != token[:n] {
				break
			}
			if n < len(token) {
				return true
			}
			if rest = rest[n:]; token == `"` {
				p.begun = true
				return true
			}
		}
	}
	return false
}

// in finds the string, as inside a literal, in a list or in an object whose input, or only
// member, is one.
func (p *pair) in(text []byte) (input []byte, ok bool) {
	if bytes.IndexByte(text, '[') < 0 {
		return nil, false
	}
	v, err := jsonedit.Parse(text)
	if err != nil {
		return nil, false
	}
	if v.Kind() == jsonedit.Object {
		n, named, only := 0, v.Get("input"), jsonedit.Value{}
		v.Each(func(_ []byte, member jsonedit.Value) bool {
			n, only = n+1, member
			return true
		})
		if v = named; !v.Exists() && n == 1 {
			v = only
		}
	}
	if v.Kind() != jsonedit.Array {
		return nil, false
	}
	n := 0
	v.Each(func(_ []byte, e jsonedit.Value) bool {
		switch n++; {
		case e.Kind() != jsonedit.String || n > 2:
			ok = false
			return false
		case n == 1:
			return e.Text() != "" && (e.Text() == string(p.tool.Name) || e.Text() == p.tool.Upstream)
		}
		input, ok = e.Raw()[1:len(e.Raw())-1], true
		return true
	})
	return input, ok
}
