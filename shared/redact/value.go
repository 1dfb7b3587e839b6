package redact

import "strings"

// A name is what stands before a separator.
type name struct {
	text  string
	quote byte // 0 for none
	tag   bool // it is the name of a tag, or the value of one: <name>, <x=name>
}

// named acts on a separator: where the name before it is a secret's, its value is hidden.
func (t *text) named(at, behind int) {
	n := t.before(at)
	t.sep = behind
	if n.text == "" {
		return
	}
	if n.tag = n.tag && t.s[at] == '>'; t.s[at] == '>' && !n.tag {
		return
	}
	if lower(strings.TrimSpace(n.text)) == "name" && t.s[at] == '=' {
		t.part(at)
		return
	}
	direct, far := n.secret(t.s[at])
	if !direct && !far {
		return
	}
	t.value(&n, behind, far && !direct, t.s[at] != ':')
}

// before reads the name that ends before the separator at i.
func (t *text) before(i int) (n name) {
	s := t.s
	end := i
	for end > t.sep && (s[end-1] == ' ' || s[end-1] == '\t') {
		end--
	}
	if end > t.sep && (s[end-1] == '"' || s[end-1] == '\'' || s[end-1] == '`') {
		n.quote = s[end-1]
		to := slashes(s, end-1)
		n.text = s[strings.LastIndexByte(s[:to], n.quote)+1 : to]
		if strings.Contains(n.text, "://") { // an error's
			n.text, _, _ = strings.Cut(n.text, "?")
		}
		return n
	}
	from := end
	for from > t.sep && !strings.Contains("\n\r\"'`:=>{};,&?<()|\\", s[from-1:from]) {
		from--
	}
	n.text = s[from:end]
	n.tag = from > 0 && from < end && (s[from-1] == '<' || s[from-1] == '=') && end == i && s[from] != '/'
	return n
}

// secret tells whether a name is a secret's: itself, or by one of the words before it.
func (n *name) secret(separator byte) (direct, far bool) {
	if n.quote != 0 {
		return Secret(n.text), false
	}
	words := strings.TrimLeft(strings.TrimRight(n.text, " \t"), " \t")
	all, last := words, strings.LastIndexAny(words, " \t")+1
	n.text = words[last:]
	if Secret(n.text) {
		return true, false
	}
	if separator != ':' {
		return false, false
	}
	for range 3 {
		words = strings.TrimRight(words[:last], " \t")
		if words == "" {
			break
		}
		last = strings.LastIndexAny(words, " \t") + 1
		if Secret(words[last:]) {
			n.text = all[last:]
			return false, true
		}
	}
	return false, false
}

// value hides what follows a secret's name: one word of it, where the name is far before the
// separator.
func (t *text) value(n *name, i int, word, assigned bool) {
	s := t.s
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '=' || s[i] == '>' ||
		(n.quote != 0 || n.tag) && (s[i] == '\n' || s[i] == '\r')) {
		i++
	}
	if i == len(s) {
		return
	}
	counts := Counts(n.text)
	quote := i
	for quote < len(s) && s[quote] == '\\' {
		quote++
	}
	switch {
	case n.tag:
		end := strings.IndexAny(s[i:], `<"`)
		if end < 0 {
			end = len(s) - i
		}
		t.bare(i, max(i, slashes(s, i+end)), false)
	case quote < len(s) && s[quote] == '"':
		t.bare(quote+1, literalEnd(s, quote+1, level(s[i:], quote-i)), false)
	case s[i] == '\'' || s[i] == '`':
		end := i + 1
		for end < len(s) && s[end] != s[i] && s[end] != '"' && s[end] != '\n' {
			end++
		}
		t.bare(i+1, slashes(s, end), false)
	case n.quote == '"' && (s[i] == '{' || s[i] == '['):
		t.brackets(i)
	case counts:
		t.bare(i, tokenEnd(s, i, ",;&}])"), true)
	case assigned, n.quote == '"':
		t.bare(i, tokenEnd(s, i, "&;}"), false)
	case word:
		t.bare(i, tokenEnd(s, i, ",;"), false)
	default:
		t.line(i)
	}
}

// line hides the rest of a line, and where that is empty the indented line after it.
func (t *text) line(i int) {
	s := t.s
	end := lineEnd(s, i)
	if rest := strings.TrimSpace(s[i:end]); rest == "" || rest == "|" || rest == ">" || rest == "|-" || rest == ">-" {
		next := end
		for next < len(s) && (s[next] == '\n' || s[next] == '\r') {
			next++
		}
		if next > end && next < len(s) && (s[next] == ' ' || s[next] == '\t') {
			i = skipBlank(s, next)
			end = lineEnd(s, i)
		}
	}
	if v := strings.TrimSpace(s[i:end]); !constant(v) {
		t.bare(i, end, false)
	}
}

// bare hides a value, unless it is one that any name may have.
func (t *text) bare(from, to int, counts bool) {
	v := t.s[from:max(from, to)]
	if constant(v) || counts && number(strings.TrimRight(v, ".+"), 10) {
		t.i = max(t.i, to)
		return
	}
	t.hide(from, to, Hidden)
}

// brackets hides what stands in brackets, or all that follows where they don't close.
func (t *text) brackets(i int) {
	open := 0
	for to := i; to < len(t.s); to++ {
		switch t.s[to] {
		case '{', '[':
			open++
		case '}', ']':
			if open--; open == 0 {
				t.hide(i, to+1, Hidden)
				return
			}
		}
	}
	t.hide(i, len(t.s), Hidden)
}

// part hides the body of a part, of a body of several, that has a secret's name.
func (t *text) part(at int) {
	s := t.s
	head := s[max(0, at-64):at]
	if head = lower(head[strings.LastIndexByte(head, '\n')+1:]); !strings.HasPrefix(head, "content-disposition:") {
		return
	}
	from := at + 1
	for from < len(s) && (s[from] == '"' || s[from] == '\'' || s[from] == ' ') {
		from++
	}
	to := from
	for to < len(s) && !strings.Contains("\"';\r\n", s[to:to+1]) {
		to++
	}
	if !Secret(s[from:to]) {
		return
	}
	if t.blank != -1 && t.blank < to {
		t.blank = emptyLine(s, to)
	}
	if t.blank < 0 {
		t.i = max(t.i, to)
		return
	}
	end := strings.Index(s[t.blank:], "\n--")
	if end < 0 {
		end = len(s) - t.blank
	}
	end = len(strings.TrimRight(s[:t.blank+end], "\r"))
	t.bare(t.blank, max(end, t.blank), false)
}

// emptyLine is where the line begins that follows the next empty one; -1 for none.
func emptyLine(s string, i int) int {
	for {
		n := strings.IndexByte(s[i:], '\n')
		if n < 0 {
			return -1
		}
		i += n + 1
		if strings.HasPrefix(s[i:], "\r\n") {
			return i + 2
		}
		if strings.HasPrefix(s[i:], "\n") {
			return i + 1
		}
	}
}

// tokenEnd is where the word ends that begins at i: at a space, a quote, or one of also.
func tokenEnd(s string, i int, also string) int {
	from := i
	for ; i < len(s) && s[i] > ' '; i++ {
		switch c := s[i]; {
		case c == '"' || c == '\'' || c == '<' || strings.IndexByte(also, c) >= 0:
			return i
		case c == '\\':
			next := i
			for next < len(s) && s[next] == '\\' {
				next++
			}
			if next < len(s) && (s[next] == '"' || s[next] == 'n' || s[next] == 'r' || s[next] == 't') {
				return i
			}
			i = min(next, len(s)-1)
		}
	}
	// Behind a scheme's name the credential is a word of its own.
	switch lower(s[from:i]) {
	case "bearer", "basic", "token", "digest", "negotiate", "apikey":
		if next := skipBlank(s, i); next > i && next < len(s) {
			return tokenEnd(s, next, also)
		}
	}
	return i
}
