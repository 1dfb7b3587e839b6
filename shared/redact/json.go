package redact

import "github.com/qwenvoy/qwenvoy/shared/jsonedit"

// json hides the secrets of a value of JSON that begins at i, and goes on behind it. Each
// string is read as a text of its own, without its escapes. What turns out to be no JSON is
// left to the scan; the end may be missing.
func (t *text) json(i int) {
	s, open := t.s, 0
	hidden := 0                  // how many brackets were open when those of a secret's value came
	named, count := false, false // the value that comes, or those in hidden brackets, are a secret's, or counts
	for i < len(s) {
		switch c := s[i]; {
		case c <= ' ' || c == ':':
			i++
		case c == ',':
			named = hidden > 0
			i++
		case c == '{' || c == '[':
			if open++; named && hidden == 0 {
				hidden = open
			}
			i++
		case c == '}' || c == ']':
			i++
			if open == hidden {
				hidden, named = 0, false
			}
			if open--; open <= 0 {
				t.i = i
				return
			}
		case c == '"':
			end := stringEnd(s, i+1)
			next := skipSpace(s, min(end+1, len(s)))
			isName := open > 0 && next < len(s) && s[next] == ':'
			inside := string(jsonedit.AppendUnescaped(nil, s[i+1:end]))
			switch {
			case isName && hidden == 0:
				named, count = Secret(inside), Counts(inside)
				t.inside(i+1, end, inside)
			case isName && plainName(inside), constant(inside):
			case named:
				t.hide(i+1, end, Hidden)
			default:
				t.inside(i+1, end, inside)
			}
			if i = min(end+1, len(s)); open == 0 {
				t.i = i
				return
			}
		case c == '-' || alnum(c) && c < 0x80:
			from := i
			for i < len(s) && (s[i] == '-' || s[i] == '+' || s[i] == '.' || alnum(s[i])) {
				i++
			}
			if v := s[from:i]; named && !constant(v) && !(count && number(v, 10)) {
				t.hide(from, i, `"`+Hidden+`"`)
			}
		default:
			if t.i = max(t.i, i); named {
				t.hide(i, len(s), Hidden)
			}
			return
		}
	}
	t.i = len(s)
}

// inside shows what a string holds.
func (t *text) inside(from, to int, inside string) {
	if shown := within(inside, t.known, t.depth+1); shown != inside {
		t.hide(from, to, string(jsonedit.AppendEscaped(nil, shown)))
	}
}

// stringEnd is where a string's last quote is; len(s) where there is none.
func stringEnd(s string, i int) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return len(s)
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}
