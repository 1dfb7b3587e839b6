package catalog

import "strings"

// A pattern is an alias in which * stands for any run of characters.
type pattern struct {
	text    string
	literal int // characters that are not *
	model   *Model
}

func newPattern(text string, m *Model) pattern {
	return pattern{text, len(text) - strings.Count(text, "*"), m}
}

// match tells whether a pattern, in which * stands for any run of characters, covers name.
func match(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, head)
	if !ok {
		return false
	}
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, rest)
		}
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name, rest = name[i+len(part):], more
	}
}

// overlap tells whether some name is covered by both patterns. Every pattern has a *.
// Behind the first * of one, anything can be filled in that the other's head demands,
// so only the fixed heads and tails can contradict each other.
func overlap(a, b string) bool {
	headA, headB := a[:strings.Index(a, "*")], b[:strings.Index(b, "*")]
	tailA, tailB := a[strings.LastIndex(a, "*")+1:], b[strings.LastIndex(b, "*")+1:]
	heads := strings.HasPrefix(headA, headB) || strings.HasPrefix(headB, headA)
	tails := strings.HasSuffix(tailA, tailB) || strings.HasSuffix(tailB, tailA)
	return heads && tails
}
