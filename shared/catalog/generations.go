package catalog

// A Generation is a family of Qwen models that want the same: sampling values, words of
// effort, arguments of their template.
type Generation struct {
	// Name is the configuration's word for it, and that of /v1/models.
	Name string
	// sets are the values of the four built-in profiles, in the order of builtinProfiles;
	// nil: none are known, and Qwen3.5's stand in.
	sets *[len(builtinProfiles)]Sampling
	// official are the sets, by their places, that the model card has; the others are the
	// nearest that it has.
	official [len(builtinProfiles)]bool
	// fixed: its models can't be told to think or not to. Where their name says nothing of
	// it (Thinking, Instruct), they don't think.
	fixed bool
	// efforts are the words of its templates, nil where they know none.
	efforts *efforts
	// usual is the effort that its templates take where none is said, if that is known.
	usual Effort
	// forgets: its templates know no preserve_thinking, which came with Qwen3.6.
	forgets bool
	// input is a JSON list of what its models take, "" where that is not known.
	input string
}

const (
	texts  = `["text"]`
	images = `["text","image"]`
)

// Input is a JSON list of what models of the generation take, "" where that is not known.
func (g *Generation) Input() string { return g.input }

// Sees tells whether they take images, as far as it is known.
func (g *Generation) Sees() bool { return g.input != texts }

// Grades tells whether they know more of an effort than on and off.
func (g *Generation) Grades() bool { return g.efforts != nil }

// builtinProfiles are the names of the profiles that are there without a configuration.
var builtinProfiles = [...]string{"thinking-general", "thinking-coding", "instruct-general", "instruct-reasoning"}

// The sets of the model cards, as temperature, top_p, top_k, min_p, presence_penalty and
// repetition_penalty. "" is a value that the card leaves to the server.
var (
	// Qwen3.5, card of Qwen3.5-27B, February 2026.
	sets35 = [...]Sampling{
		{"1.0", "0.95", "20", "0.0", "1.5", "1.0"}, {"0.6", "0.95", "20", "0.0", "0.0", "1.0"},
		{"0.7", "0.8", "20", "0.0", "1.5", "1.0"}, {"1.0", "0.95", "20", "0.0", "1.5", "1.0"},
	}
	// Qwen3.6, card of Qwen3.6-27B, spring 2026: one set without thinking.
	sets36 = [...]Sampling{
		{"1.0", "0.95", "20", "0.0", "0.0", "1.0"}, {"0.6", "0.95", "20", "0.0", "0.0", "1.0"},
		{"0.7", "0.8", "20", "0.0", "1.5", "1.0"}, {"0.7", "0.8", "20", "0.0", "1.5", "1.0"},
	}
	// Qwen3.8, card of Qwen3.8-27B, August 2026: one set with thinking, one without.
	sets38 = [...]Sampling{
		{"1.0", "0.95", "20", "0.0", "0.0", "1.0"}, {"1.0", "0.95", "20", "0.0", "0.0", "1.0"},
		{"0.7", "0.8", "20", "0.0", "1.5", "1.0"}, {"0.7", "0.8", "20", "0.0", "1.5", "1.0"},
	}
	// Qwen3, its 2507 and Next: Qwen's documentation, 2025; a presence penalty up to 2 is
	// left to those who meet loops.
	sets3 = [...]Sampling{
		{"0.6", "0.95", "20", "0.0"}, {"0.6", "0.95", "20", "0.0"},
		{"0.7", "0.8", "20", "0.0"}, {"0.7", "0.8", "20", "0.0"},
	}
	// Qwen3-VL, as guides quote Qwen, 2025.
	sets3VL = [...]Sampling{
		{"1.0", "0.95", "20", "0.0", "0.0"}, {"1.0", "0.95", "20", "0.0", "0.0"},
		{"0.7", "0.8", "20", "0.0", "1.5"}, {"0.7", "0.8", "20", "0.0", "1.5"},
	}
	// Qwen3-Coder, cards of 480B and 30B, 2025: one set, it never thinks.
	setsCoder = same(Sampling{"0.7", "0.8", "20", "", "", "1.05"})
	// Qwen3-Coder-Next, its card, February 2026: one set, it never thinks.
	setsCoderNext = same(Sampling{"1.0", "0.95", "40", "0.0"})
	// Nothing is published: what the server has as its default counts.
	setsNone = same(Sampling{})
)

func same(s Sampling) [len(builtinProfiles)]Sampling {
	return [len(builtinProfiles)]Sampling{s, s, s, s}
}

// Unknown is the generation of a model whose name tells none.
var Unknown = &Generation{Name: "unknown"}

// generations are those that are known, and Unknown.
var generations = [...]*Generation{
	{Name: "qwen2.5", sets: &setsNone, fixed: true, forgets: true},
	{Name: "qwen3", sets: &sets3, official: [...]bool{true, false, true, false}, forgets: true, input: texts},
	{Name: "qwen3-vl", sets: &sets3VL, official: [...]bool{true, false, true, false}, forgets: true, input: images},
	{Name: "qwen3-coder", sets: &setsCoder, official: [...]bool{false, false, true, true}, fixed: true, forgets: true, input: texts},
	{Name: "qwen3-coder-next", sets: &setsCoderNext, official: [...]bool{false, false, true, true}, fixed: true, forgets: true, input: texts},
	{Name: "qwen3.5", sets: &sets35, official: [...]bool{true, true, true, true}, forgets: true, input: images},
	{Name: "qwen3.6", sets: &sets36, official: [...]bool{true, true, true, false}, input: images},
	{Name: "qwen3.7", sets: &setsNone, input: images}, // hosted only
	{Name: "qwen3.8", sets: &sets38, official: [...]bool{true, false, true, false}, efforts: &efforts38, usual: effortXHigh, input: images},
	{Name: "qwen3.8-flash-next", sets: &sets38, efforts: &efforts38, usual: effortXHigh, input: images}, // sets: its predecessor's
	{Name: "qwen4", sets: &setsNone, efforts: &efforts4, input: images},                                 // hosted only
	Unknown,
}

// generation finds a generation by its name, nil for none.
func generation(name string) *Generation {
	for _, g := range generations {
		if g.Name == name {
			return g
		}
	}
	return nil
}

func generationNames() []string {
	names := make([]string, len(generations))
	for i, g := range generations {
		names[i] = g.Name
	}
	return names
}

// profile is a built-in profile, by its place, for a model of the generation. One that only
// thinks, or never does, has the values of what it does.
func (g *Generation) profile(i int, m mode) profile {
	p, from := profile{thinking: On}, i
	switch {
	case i >= firstInstruct && m == alwaysThinks:
		from = 0
	case i < firstInstruct && m == neverThinks:
		from = firstInstruct
	}
	if p.values = sets35[from]; g.sets != nil {
		p.values = g.sets[from]
	}
	if i >= firstInstruct {
		p.thinking = Off
	}
	if from == i && g.official[i] {
		p.official = g.Name
	}
	return p
}

// coding is the place of the profile for coding agents, firstInstruct that of the first without
// thinking.
const (
	coding        = 1
	firstInstruct = 2
)
