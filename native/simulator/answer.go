package simulator

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// steering is what lines of a user message that begin with "simulate:" ask for.
type steering struct {
	think, say, preface          string
	hasThink, hasSay, hasPreface bool
	calls                        []toolCall // now
	then                         []toolCall // one for each round of tool results
}

// steer reads the steering for the answer after so many rounds of tool results, and tells
// how many of them came after the answer that it was first for.
func steer(prompt string, rounds int) (st steering, since int, found bool) {
	since = rounds
	for line := range strings.Lines(prompt) {
		order, ok := strings.CutPrefix(strings.TrimSpace(line), "simulate:")
		if !ok {
			continue
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(order), " ")
		rest = strings.TrimSpace(rest)
		switch verb {
		case "next":
			if since == 0 {
				return st, 0, true
			}
			st = steering{}
			since--
		case "think":
			st.think, st.hasThink = rest, true
		case "say":
			st.say, st.hasSay = strings.ReplaceAll(rest, `\n`, "\n"), true
		case "preface":
			st.preface, st.hasPreface = rest, true
		case "call":
			st.calls = append(st.calls, parseCall(rest))
		case "then":
			rest = strings.TrimSpace(strings.TrimPrefix(rest, "call"))
			st.then = append(st.then, parseCall(rest))
		default:
			continue
		}
		found = true
	}
	return st, since, found
}

var reminder = regexp.MustCompile(`(?s)<system-reminder>.*?</system-reminder>`)

// userWords are what the user said in a message: agents add notes of their own in
// <system-reminder> tags, and Claude Code a message when it has found a tool.
func userWords(text string) string {
	text = strings.TrimSpace(reminder.ReplaceAllLiteralString(text, ""))
	if text == "Tool loaded." {
		return ""
	}
	return text
}

func parseCall(s string) toolCall {
	name, arguments, _ := strings.Cut(s, " ")
	if arguments = strings.TrimSpace(arguments); arguments == "" {
		arguments = "{}"
	}
	return toolCall{name, arguments}
}

// wishes are what a request demands of the answer's form.
type wishes struct {
	mustCall bool   // tool_choice required or named
	mayCall  bool   // tools are offered and not forbidden
	named    string // the tool of a named tool_choice
	schema   []byte // a JSON schema that the whole answer must fit
	anyJSON  bool   // response_format json_object
}

// answerTo makes up the answer; the package's documentation tells the rules.
func answerTo(c *conversation, want wishes) answer {
	last, rounds := -1, 0
	for i, m := range c.messages {
		if m.role == "user" && (last < 0 || userWords(m.text) != "") {
			last, rounds = i, 0
		} else if m.role == "assistant" && len(m.calls) > 0 {
			rounds++
		}
	}
	last = max(last, 0)
	prompt := userWords(c.messages[last].text)
	var results []string
	for i := len(c.messages) - 1; i > last && (c.messages[i].role == "tool" || c.messages[i].role == "user"); i-- {
		if c.messages[i].role == "tool" {
			results = append([]string{c.messages[i].text}, results...)
		}
	}

	st, since, steered := steer(prompt, rounds)
	if noTools.MatchString(prompt) {
		want.mayCall = false
		st.calls, st.then = nil, nil
	}
	a := answer{reasoning: "The user says: " + shorten(oneLine(prompt), 60) + "\n"}
	switch {
	case steered && since == 0 && len(st.calls) > 0:
		a.calls, a.text = st.calls, st.preface
	case steered && since > 0 && since <= len(st.then):
		a.calls = []toolCall{st.then[since-1]}
	case steered && rounds == 0 && len(st.calls) == 0 && len(st.then) > 0 && !st.hasSay:
		a.calls, a.text = st.then[:1], st.preface
	case want.mustCall || want.mayCall && len(results) == 0 && rounds == 0 && !st.hasSay:
		a.calls = chooseCalls(c.tools, prompt, want)
	}
	if greets.MatchString(prompt) {
		a.reasoning = "The user greets me. I greet back.\n"
	}
	if len(a.calls) > 0 && talkFirst.MatchString(prompt) {
		a.text = "Let me look."
	}
	if len(a.calls) > 0 {
		a.reasoning = "I should call the tool " + a.calls[0].name + ".\n"
	}
	switch {
	case len(a.calls) > 0:
	case want.schema != nil:
		a.bare = true
		a.text = string(fitting(want.schema, prompt))
		if st.hasSay {
			a.text = st.say
		}
	case want.anyJSON:
		a.bare = true
		a.text = `{"answer": ` + jsonText(shorten(oneLine(prompt), 200)) + `}`
		if st.hasSay {
			a.text = st.say
		}
	case st.hasSay:
		a.text = st.say
	case len(results) > 0:
		for i, r := range results {
			results[i] = shorten(strings.TrimSpace(r), 200)
		}
		a.reasoning = "The tool has answered.\n"
		a.text = "The tool says: " + strings.Join(results, "; ")
	default:
		a.text = smallTalk(prompt)
	}
	if st.hasThink {
		a.reasoning = st.think + "\n"
	}
	return a
}

var (
	countTo = regexp.MustCompile(`(?i)\bcount (?:up )?to (\w+)`)
	greets  = regexp.MustCompile(`(?i)^(hello|hi|hey)\W*$`)
	// noTools is what agents say when they ask for a summary of a long conversation.
	noTools = regexp.MustCompile(`(?i)\bdo not (call|use) any tools\b`)
	// talkFirst asks for a text before the call.
	talkFirst = regexp.MustCompile(`(?i)^(talk|say something|explain),? (and )?then\b`)
	numbers   = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
)

// countLimit bounds an answer that only counts.
const countLimit = 10000

func smallTalk(prompt string) string {
	if m := countTo.FindStringSubmatch(prompt); m != nil {
		n, err := strconv.Atoi(m[1])
		for i, w := range numbers {
			if strings.EqualFold(w, m[1]) {
				n, err = i, nil
			}
		}
		if err == nil && n >= 1 {
			var b strings.Builder
			for i := 1; i <= min(n, countLimit); i++ {
				if i > 1 {
					b.WriteByte(' ')
				}
				b.WriteString(strconv.Itoa(i))
			}
			return b.String()
		}
	}
	switch {
	case greets.MatchString(prompt):
		return "Hello! How can I help you today?"
	case strings.EqualFold(strings.Trim(prompt, ". !"), "think only"):
		return ""
	}
	return "You said: " + prompt
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// shorten keeps at most n runes.
func shorten(s string, n int) string {
	i := 0
	for at := range s {
		if i == n {
			return s[:at] + "…"
		}
		i++
	}
	return s
}

var (
	asksForTool = regexp.MustCompile(`(?i)\b(use|call|invoke|run|try)\b[^.\n]*\b(tools?|functions?)\b`)
	asksForTwo  = regexp.MustCompile(`(?i)\b(two|both|twice)\b`)
	endsInPair  = regexp.MustCompile(`(\w+) and (\w+)\W*$`)
	nameParts   = regexp.MustCompile(`[A-Z]?[a-z0-9]+|[A-Z]+`)
)

// commonWords of a tool's name don't by themselves mean the tool.
var commonWords = map[string]bool{
	"get": true, "set": true, "do": true, "to": true, "a": true, "the": true, "of": true, "in": true,
	"and": true, "my": true, "mcp": true, "tool": true, "is": true,
}

// chooseCalls picks the tools that the prompt names or asks for.
func chooseCalls(tools []tool, prompt string, want wishes) []toolCall {
	lower := strings.ToLower(prompt)
	var named []tool
	for _, t := range tools {
		if want.named != "" {
			if t.name == want.named {
				named = append(named, t)
			}
			continue
		}
		if mentions(lower, t.name) {
			named = append(named, t)
		}
	}
	if len(named) == 0 {
		if len(tools) == 0 || !want.mustCall && !asksForTool.MatchString(prompt) {
			return nil
		}
		named = tools
		if !asksForTwo.MatchString(prompt) {
			named = tools[:1]
		}
	}
	pair := endsInPair.FindStringSubmatch(prompt)
	switch {
	case asksForTwo.MatchString(prompt) && len(named) > 1 && want.named == "":
		named = named[:2]
	case want.named == "" && (pair != nil || asksForTwo.MatchString(prompt)):
		named = []tool{named[0], named[0]}
	default:
		named = named[:1]
	}
	var calls []toolCall
	for i, t := range named {
		words := lastWord(prompt)
		if pair != nil && len(named) == 2 {
			words = pair[i+1]
		}
		schema := t.parameters
		if kindOf(schema) != '{' {
			schema = []byte("{}")
		}
		args := string(fitting(schema, words))
		if kindOf([]byte(args)) != '{' {
			args = "{}"
		}
		calls = append(calls, toolCall{t.name, args})
	}
	return calls
}

// mentions reports whether the prompt, in lower case, holds a tool's name or
// all telling words of it.
func mentions(prompt, name string) bool {
	if hasWord(prompt, strings.ToLower(name)) {
		return true
	}
	telling := 0
	for _, w := range nameParts.FindAllString(name, -1) {
		if w = strings.ToLower(w); commonWords[w] || len(w) < 3 {
			continue
		}
		if !hasWord(prompt, w) {
			return false
		}
		telling++
	}
	return telling > 0
}

// hasWord reports whether word stands in text with no letter, digit or
// underscore beside it.
func hasWord(text, word string) bool {
	beside := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	for word != "" {
		before, after, ok := strings.Cut(text, word)
		if !ok {
			return false
		}
		l, _ := utf8.DecodeLastRuneInString(before)
		r, _ := utf8.DecodeRuneInString(after)
		if !beside(l) && !beside(r) {
			return true
		}
		text = after
	}
	return false
}

// lastWord is the last word of the prompt, without the signs around it; a path
// or a quoted text stays whole.
func lastWord(prompt string) string {
	words := strings.Fields(prompt)
	for i := len(words) - 1; i >= 0; i-- {
		if w := strings.Trim(words[i], `.,;:!?"'`+"`()[]{}<>"); w != "" {
			return w
		}
	}
	return "text"
}
