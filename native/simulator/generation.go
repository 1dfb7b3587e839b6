package simulator

import (
	"strings"
	"unicode/utf8"
)

// answer is what the simulated model wants to say.
type answer struct {
	reasoning string // "" where thinking is off
	text      string
	calls     []toolCall
	bare      bool // text starts without the blank line that follows a thought
}

// token is one step of the model and what the server's parsers make of it.
type token struct {
	id        int
	raw       string
	thought   bool   // counted as a reasoning token
	reasoning string // visible reasoning
	content   string // visible content
	call      *callPiece
}

// callPiece is what a token adds to a tool call.
type callPiece struct {
	index int
	name  string // set where the call begins
	args  string // JSON text for the stream
	// rest is what the stream's parser still holds here: it goes out when the
	// answer is cut at this token.
	rest string
	done int // parameters complete so far: all that an answer in one piece shows
}

// generate spells the answer as the model would.
func generate(a answer, thinking bool) []token {
	g := generator{t: vocabulary()}
	if thinking {
		g.visible(a.reasoning, func(t *token, s string) { t.reasoning, t.thought = s, true })
		g.mark("</think>")
	}
	text := a.text
	if thinking && !a.bare {
		text = "\n\n" + text
	}
	if len(a.calls) > 0 && a.text != "" {
		text += "\n\n"
	}
	g.visible(text, func(t *token, s string) { t.content = s })
	for i, c := range a.calls {
		g.toolCall(i, c)
	}
	g.mark("<|im_end|>")
	return g.out
}

type generator struct {
	t   *tokenizer
	out []token
}

// mark adds tokens that show nothing and returns where they begin.
func (g *generator) mark(text string) int {
	start := len(g.out)
	for _, id := range g.t.encode(text) {
		g.out = append(g.out, token{id: id, raw: g.t.tokens[id]})
	}
	return start
}

// visible adds tokens whose text shows, whole characters at a time.
func (g *generator) visible(text string, show func(*token, string)) {
	held := ""
	for i := g.mark(text); i < len(g.out); i++ {
		whole, rest := wholeCharacters(held + g.out[i].raw)
		show(&g.out[i], whole)
		held = rest
	}
}

// wholeCharacters splits off the beginning of a character at the end of s.
func wholeCharacters(s string) (whole, rest string) {
	for i := len(s) - 1; i >= 0 && i > len(s)-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			if !utf8.FullRuneInString(s[i:]) {
				return s[:i], s[i:]
			}
			break
		}
	}
	return s, ""
}

func (g *generator) toolCall(index int, c toolCall) {
	if index > 0 {
		g.mark("\n")
	}
	g.mark("<tool_call>\n")
	g.mark("<function=" + c.name + ">")
	g.out[len(g.out)-1].call = &callPiece{index: index, name: c.name, rest: "{}"}
	g.mark("\n")
	params := parameters(c.arguments)
	// fill makes every token since from that has no piece yet a silent part of
	// the call, so that a cut there flushes rest.
	fill := func(from, done int, rest string) {
		for i := from; i < len(g.out); i++ {
			if g.out[i].call == nil {
				g.out[i].call = &callPiece{index: index, done: done, rest: rest}
			}
		}
	}
	fill(len(g.out)-1, 0, "{}")
	open := "{"
	rest := "{}"
	for i, p := range params {
		from := g.mark("<parameter=" + p.key + ">\n")
		isText := kindOf(p.value) == '"'
		key := open + jsonText(p.key) + ": "
		if isText {
			key += `"`
		}
		fill(from, i, rest)
		g.out[len(g.out)-1].call = &callPiece{index: index, done: i, args: key}
		from = len(g.out)
		if isText {
			g.visible(p.text(), func(t *token, s string) {
				t.call = &callPiece{index: index, done: i, args: inQuotes(s)}
			})
		} else {
			g.mark(p.text())
			fill(from, i, "")
		}
		// The closing mark is held until it's whole. Cut in its midst, a text
		// value shows what there is of it (recorded).
		from = g.mark("\n</parameter>")
		seen := ""
		for j := from; j < len(g.out); j++ {
			seen += g.out[j].raw
			leak := ""
			if isText && seen != "\n" {
				leak = inQuotes(seen)
			}
			g.out[j].call = &callPiece{index: index, done: i, rest: leak}
		}
		last := g.out[len(g.out)-1].call
		last.done = i + 1
		if isText {
			open, rest = `", `, `"}`
		} else {
			last.args = p.text()
			open, rest = ", ", "}"
		}
		last.rest = rest
		from = g.mark("\n")
		fill(from, i+1, rest)
	}
	from := g.mark("</function>")
	fill(from, len(params), rest)
	g.out[len(g.out)-1].call = &callPiece{index: index, done: len(params), args: rest}
	from = g.mark("\n</tool_call>")
	fill(from, len(params), "")
}

// shown are the first n parameters as vLLM writes them, with Python's
// spaces.
func (c toolCall) shown(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, p := range parameters(c.arguments)[:n] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(jsonText(p.key) + ": ")
		if kindOf(p.value) == '"' {
			b.WriteString(jsonText(p.text()))
		} else {
			b.WriteString(p.text())
		}
	}
	b.WriteByte('}')
	return b.String()
}

// inQuotes is s as it stands between the quotes of a JSON string.
func inQuotes(s string) string {
	q := jsonText(s)
	return q[1 : len(q)-1]
}

func jsonText(s string) string { return string(encode(s)) }
