package catalog

// An Effort is a client's word for how much to think, the same in all dialects.
type Effort uint8

// The words, least first. EffortUnsaid: the client has none.
const (
	EffortUnsaid Effort = iota
	EffortNone
	_ // minimal
	_ // low
	effortMedium
	_ // high
	effortXHigh
	EffortMax
)

// effortWords are what clients say, in the order of the constants.
var effortWords = [...]string{"", "none", "minimal", "low", "medium", "high", "xhigh", "max"}

// EffortWords lists the words, for those who said another.
const EffortWords = "none, minimal, low, medium, high, xhigh, max"

// ReadEffort reads a client's word. ultra, of Codex, is its max.
func ReadEffort(word []byte) (e Effort, known bool) {
	if string(word) == "ultra" {
		return EffortMax, true
	}
	for i, w := range effortWords[1:] {
		if string(word) == w {
			return Effort(i + 1), true
		}
	}
	return EffortUnsaid, false
}

// efforts are the words of a generation's templates for those of clients; "" where thinking
// is all that it knows.
type efforts [len(effortWords)]string

var (
	// Qwen3.8's template knows three: low asks for brevity, xhigh is its default.
	efforts38 = efforts{"", "", "low", "low", "medium", "xhigh", "xhigh", "xhigh"}
	// Qwen4 knows all of them.
	efforts4 = efforts{"", "", "minimal", "low", "medium", "high", "xhigh", "max"}
)

// Effort is what goes up as reasoning_effort to a model of the generation that thinks, "" for
// nothing: it is on or off, which the template is told anyway.
func (g *Generation) Effort(e Effort) string {
	if g.efforts == nil {
		return ""
	}
	return g.efforts[e]
}

// Levels are the words by which a client can tell the model how much to think, least first: those
// that go up as they are, and the one that switches thinking off. Where all are but on, medium
// stands for it. usual is the word that means what none does, "" where only the server knows it.
// A model that can't be told has none.
func (m *Model) Levels() (words []string, usual string) {
	g := m.Target.Generation
	if m.Thinking == Off || m.Thinking == Always && g.efforts == nil {
		return nil, ""
	}
	if m.Thinking != Always {
		words = append(words, effortWords[EffortNone])
	}
	if g.efforts == nil {
		usual = effortWords[effortMedium]
		return append(words, usual), usual
	}
	for i, word := range effortWords[EffortNone+1:] {
		if g.efforts[int(EffortNone)+1+i] == word {
			words = append(words, word)
		}
	}
	return words, effortWords[g.usual]
}

// Preserves tells whether the generation's templates may know preserve_thinking, by which the
// thinking of earlier turns stays in the prompt.
func (g *Generation) Preserves() bool { return !g.forgets }
