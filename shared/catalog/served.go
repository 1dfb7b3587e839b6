package catalog

import "strings"

// A mode is what a model's name says of thinking.
type mode uint8

const (
	switchable mode = iota
	alwaysThinks
	neverThinks
)

// readName reads a served model's generation from its name: a name of a hub, a file, a
// folder, or one that a provider made of it. What comes behind the last slash counts first,
// since folders may be named after anything.
func readName(name string) (*Generation, mode) {
	name = strings.TrimRight(strings.ReplaceAll(strings.ToLower(name), `\`, "/"), "/")
	g, last := Unknown, name[strings.LastIndexByte(name, '/')+1:]
	for _, part := range [...]string{last, name} {
		if g == Unknown {
			g, name = readPart(part), part
		}
	}
	return g, g.mode(name)
}

// mode is what a name, in lower case, says of thinking for a model of the generation. Since
// Qwen3.5 one model does both; before, the words stand for models that do one of them.
func (g *Generation) mode(name string) mode {
	switch {
	case g.fixed:
		return neverThinks
	case g.Name != "qwen3" && g.Name != "qwen3-vl":
		return switchable
	case strings.Contains(name, "thinking"), strings.Contains(name, "qwq"):
		return alwaysThinks
	case strings.Contains(name, "instruct"):
		return neverThinks
	}
	return switchable
}

// readPart reads a name in lower case. The first rule that fits counts.
func readPart(name string) *Generation {
	for _, rule := range [...]func(name, behind string) *Generation{
		coder, flashNext, dotted, undotted, newest, third,
	} {
		for i := 0; ; i++ {
			at := strings.Index(name[i:], "qwen")
			if at < 0 {
				break
			}
			i += at
			if g := rule(name[i:], name[i+len("qwen"):]); g != nil {
				return g
			}
		}
	}
	if strings.Contains(name, "qwq") {
		return generation("qwen3")
	}
	return Unknown
}

// separated takes one of the separators off the front of a text, if one stands there.
func separated(text, separators string) string {
	if text != "" && strings.IndexByte(separators, text[0]) >= 0 {
		return text[1:]
	}
	return text
}

// coder: qwen3-coder, qwen3-coder-next.
func coder(_, behind string) *Generation {
	rest, ok := strings.CutPrefix(separated(behind, "-_ "), "3")
	if !ok {
		return nil
	}
	if rest, ok = strings.CutPrefix(separated(rest, "-_:"), "coder"); !ok {
		return nil
	}
	if strings.HasPrefix(rest, "-next") || strings.HasPrefix(rest, "_next") {
		return generation("qwen3-coder-next")
	}
	return generation("qwen3-coder")
}

// flashNext: the last 3.8, which has the fourth's architecture.
func flashNext(name, _ string) *Generation {
	for _, word := range [...]string{"flash-next", "flash_next", "qwen4exp", "qwen4-exp", "qwen4_exp"} {
		if strings.Contains(name, word) {
			return generation("qwen3.8-flash-next")
		}
	}
	return nil
}

// dotted: two digits with a point, or what stands for it in names without points. With a b
// behind it the second is a size.
func dotted(_, behind string) *Generation {
	s := separated(behind, "-_ ")
	if len(s) < 3 || !isDigit(s, 0) || strings.IndexByte("._p", s[1]) < 0 || !isDigit(s, 2) || isDigit(s, 3) || isSize(s[3:]) {
		return nil
	}
	return numbered(s[:1] + "." + s[2:3])
}

// undotted: two digits, as files have them.
func undotted(_, s string) *Generation {
	if len(s) < 2 || s[0] != '2' && s[0] != '3' || s[1] < '5' || s[1] > '8' {
		return nil
	}
	if behind := s[2:]; isDigit(behind, 0) || isSize(behind) || strings.HasPrefix(behind, ".") {
		return nil
	}
	return numbered(s[:1] + "." + s[1:2])
}

// newest: one digit from 4 on, that is no size of the first Qwen (qwen-7b, qwen-1.8b).
func newest(_, behind string) *Generation {
	s := separated(behind, "-_ ")
	if s == "" || s[0] < '4' || s[0] > '9' || isSize(strings.TrimLeft(s[1:], "0123456789.")) {
		return nil
	}
	return numbered(s[:1])
}

// third: qwen3, and what was made of it under that number.
func third(name, behind string) *Generation {
	rest, ok := strings.CutPrefix(separated(behind, "-_: "), "3")
	if !ok || rest != "" && strings.IndexByte("-_: /", rest[0]) < 0 {
		return nil
	}
	if isWord(rest, "vl") {
		return generation("qwen3-vl")
	}
	return generation("qwen3")
}

// numbered is the generation of a number; one that nobody knew when this was written is Unknown.
func numbered(number string) *Generation {
	if g := generation("qwen" + number); g != nil {
		return g
	}
	return Unknown
}

func isDigit(s string, i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }

// isSize tells whether a number before the text is one of parameters.
func isSize(text string) bool { return strings.HasPrefix(text, "b") }

// isWord tells whether a text holds a word between separators.
func isWord(text, word string) bool {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune("-_: /.", r) }) {
		if part == word {
			return true
		}
	}
	return false
}
