// Package fold lets a test's file hold long JSON so that a person can read and edit it.
// A line of a folded text that begins with a blank, or with a bracket or brace that
// closes, goes on where the line before it ends: the line break and the blanks are no part
// of the text. All else is, so that a text is known to its last byte:
//
//	data: {
//	  "type":"message_delta","delta":{"stop_reason":"end_turn"},
//	  "usage":{"output_tokens":5}
//	}
//
// It imports nothing of this module.
package fold

import (
	"encoding/json"
	"strings"
)

const (
	// width is how many columns a folded line takes, where its strings let it.
	width = 120
	// longBody and longEvent are the columns over which a line is folded. The events of a
	// stream are alike: in a line each they read as a table.
	longBody, longEvent = 160, 300
)

// Out is a text whose folded lines are whole again.
func Out(text string) string {
	var b strings.Builder
	feed := "" // of the line before
	for line := range strings.Lines(text) {
		if continues(line) {
			feed, line = "", strings.TrimLeft(line, " ")
		}
		b.WriteString(feed)
		line, whole := strings.CutSuffix(line, "\n")
		if feed = ""; whole {
			feed = "\n"
		}
		b.WriteString(line)
	}
	return b.String() + feed
}

func continues(line string) bool {
	return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "}") || strings.HasPrefix(line, "]")
}

// In folds a text's long lines that end in a JSON object, such as a body or an event's data.
// A line that Out would not make the same again, one with a blank in front of a member, stays
// as it is.
func In(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		whole, feed := strings.CutSuffix(line, "\n")
		b.WriteString(folded(whole))
		if feed {
			b.WriteByte('\n')
		}
	}
	if in := b.String(); Out(in) == text {
		return in
	}
	return text
}

func folded(line string) string {
	before, object, long := "", line, longBody
	if brace := strings.IndexByte(line, '{'); brace >= 0 {
		before, object = line[:brace], line[brace:]
	}
	if before == "data: " {
		long = longEvent
	}
	if len(line) <= long || !json.Valid([]byte(object)) {
		return line
	}
	var b strings.Builder
	b.WriteString(before)
	f := folder{text: object, out: &b}
	f.value(len(before), 0)
	b.WriteString(f.text)
	if in := b.String(); Out(in) == line {
		return in
	}
	return line
}

// A folder writes a valid JSON text into out and takes from it what it has written.
type folder struct {
	text string
	out  *strings.Builder
}

// value folds the value that the text begins with, which stands at a column of a line
// that is indented so far.
func (f *folder) value(column, indent int) {
	n := end(f.text)
	if column+n <= width || f.text[0] != '{' && f.text[0] != '[' || n <= 2 {
		f.take(n)
		return
	}
	rest := n - 1 // up to the bracket that closes
	size := len(f.text)
	f.take(1)
	column = width // the first member begins a line
	for size-len(f.text) < rest {
		key := 0
		if after := end(f.text); f.text[after] == ':' {
			key = after + 1
		}
		member := key + end(f.text[key:])
		if f.text[member] == ',' {
			member++
		}
		fits := indent+2+member <= width
		if column+member > width || !fits {
			f.line(indent + 2)
			column = indent + 2
		}
		left := len(f.text) - member
		f.take(key)
		f.value(column+key, indent+2)
		f.take(len(f.text) - left) // the comma
		column += member
		if !fits {
			column = width
		}
	}
	f.line(indent)
	f.take(1)
}

func (f *folder) take(n int) {
	f.out.WriteString(f.text[:n])
	f.text = f.text[n:]
}

func (f *folder) line(indent int) { f.out.WriteString("\n" + strings.Repeat(" ", indent)) }

// end is where the value, or the member's name, that a text begins with ends; blanks before
// and behind it belong to it.
func end(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}
