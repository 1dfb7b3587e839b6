// Package catalog knows the virtual models: which names stand for them, and which
// sampling values and thinking switch they carry. It is built once from a
// configuration and immutable then.
//
// It imports package config only.
package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// Thinking is a profile's thinking switch.
type Thinking uint8

const (
	On     Thinking = iota // always on, unless the request says none
	Off                    // always off
	Client                 // as the request says
)

// SamplingKeys are the request keys that a profile may set, in the order of
// Sampling's values.
var SamplingKeys = [...]string{"temperature", "top_p", "top_k", "min_p", "presence_penalty", "repetition_penalty"}

// Sampling holds a JSON number for each of SamplingKeys, "" for one that is not set.
type Sampling [len(SamplingKeys)]string

// A Model is a virtual model.
type Model struct {
	Name     string
	Thinking Thinking
	// On and Off are the sampling values for the effective state of thinking.
	On, Off Sampling
	// Target is what goes upstream.
	Target Target
}

// A Target is one upstream plus the model name that it knows.
type Target struct {
	Upstream, Model string
	// Window is the configured context window in tokens, 0 when it is not known.
	Window int
}

// A Catalog resolves names.
type Catalog struct {
	models   []*Model
	exact    map[string]*Model
	patterns []pattern
	listed   []string
}

type pattern struct {
	text    string
	literal int // characters that are not *
	model   *Model
}

// builtinAliases are the names that today's coding agents send by themselves.
var builtinAliases = []string{"claude-*", "gpt-*", "codex-*"}

// New builds the catalog. It reports profiles that don't exist, names used twice and
// patterns of which none is more specific than the other.
func New(c *config.Config) (*Catalog, error) {
	profiles := map[string]config.Profile{}
	for _, p := range config.BuiltinProfiles() {
		profiles[p.Name] = p
	}
	for i, p := range c.Profiles {
		for _, q := range c.Profiles[:i] {
			if q.Name == p.Name {
				return nil, wrong(fmt.Sprintf("profiles[%d].name", i), "%q stands twice", p.Name)
			}
		}
		profiles[p.Name] = p
	}
	names := func() string {
		var list []string
		for name := range profiles {
			list = append(list, name)
		}
		slices.Sort(list)
		return strings.Join(list, ", ")
	}
	u := c.Upstreams[0]
	cat := &Catalog{exact: map[string]*Model{}}
	add := func(path, name, profile string) (*Model, error) {
		p, ok := profiles[profile]
		if !ok {
			return nil, wrong(path+".profile", "%q is not known, the profiles are %s", profile, names())
		}
		off := p
		if p.Thinking != "off" {
			when := p.WhenOff
			if when == "" {
				when = "instruct-general"
			}
			if off, ok = profiles[when]; !ok {
				return nil, wrong("profile "+p.Name+".when_off", "%q is not known, the profiles are %s", when, names())
			}
		}
		m := &Model{Name: name, On: sampling(p), Off: sampling(off), Target: Target{u.Name, u.Model, u.MaxModelLen}}
		switch p.Thinking {
		case "off":
			m.Thinking = Off
		case "client":
			m.Thinking = Client
		}
		return m, nil
	}

	b := c.BuiltinModels
	builtin := []struct{ profile, name string }{
		{"thinking-general", b.ThinkingGeneral}, {"thinking-coding", b.ThinkingCoding},
		{"instruct-general", b.InstructGeneral}, {"instruct-reasoning", b.InstructReasoning},
	}
	var coding *Model
	for _, m := range builtin {
		path := "builtin_models." + m.profile
		if m.name == "" {
			return nil, wrong(path, "a name is required")
		}
		if cat.exact[m.name] != nil {
			return nil, wrong(path, "%q stands twice", m.name)
		}
		model, err := add(path, m.name, m.profile)
		if err != nil {
			return nil, err
		}
		cat.models = append(cat.models, model)
		cat.exact[m.name] = model
		if m.profile == "thinking-coding" {
			coding = model
		}
	}
	configured := map[string]bool{}
	for i, m := range c.Models {
		path := fmt.Sprintf("models[%d]", i)
		switch {
		case m.Name == "":
			return nil, wrong(path+".name", "a name is required")
		case strings.Contains(m.Name, "*"):
			return nil, wrong(path+".name", "%q: a name can't hold *, an alias can", m.Name)
		case configured[m.Name]:
			return nil, wrong(path+".name", "%q stands twice", m.Name)
		}
		configured[m.Name] = true
		model, err := add(path, m.Name, m.Profile)
		if err != nil {
			return nil, err
		}
		if old := cat.exact[m.Name]; old != nil {
			*old = *model // a built-in model overridden: same place, same pointers to it
		} else {
			cat.models = append(cat.models, model)
			cat.exact[m.Name] = model
		}
	}
	for _, m := range cat.models {
		cat.listed = append(cat.listed, m.Name)
	}
	for i, m := range c.Models {
		for j, a := range m.Aliases {
			path := fmt.Sprintf("models[%d].aliases[%d]", i, j)
			switch {
			case a == "":
				return nil, wrong(path, "a name or pattern is required")
			case strings.Contains(a, "*"):
				if err := cat.addPattern(path, a, cat.exact[m.Name]); err != nil {
					return nil, err
				}
			case cat.exact[a] != nil:
				return nil, wrong(path, "%q means %s already", a, cat.exact[a].Name)
			default:
				cat.exact[a] = cat.exact[m.Name]
				cat.listed = append(cat.listed, a)
			}
		}
	}
	if c.BuiltinAliases {
		for _, a := range builtinAliases {
			// A configured pattern of the same text takes the built-in one's place.
			if !slices.ContainsFunc(cat.patterns, func(p pattern) bool { return p.text == a }) {
				cat.patterns = append(cat.patterns, pattern{a, len(a) - 1, coding})
			}
		}
	}
	// Most specific first; New has refused pairs that could tie with different models.
	slices.SortStableFunc(cat.patterns, func(a, b pattern) int { return b.literal - a.literal })
	return cat, nil
}

func (c *Catalog) addPattern(path, text string, m *Model) error {
	p := pattern{text, len(text) - strings.Count(text, "*"), m}
	for _, q := range c.patterns {
		if q.literal == p.literal && q.model != m && overlap(p.text, q.text) {
			return wrong(path, "%q and %q can match the same name equally well but mean %s and %s", p.text, q.text, m.Name, q.model.Name)
		}
	}
	c.patterns = append(c.patterns, p)
	return nil
}

func wrong(path, format string, args ...any) error {
	return &config.Error{Path: path, Text: fmt.Sprintf(format, args...)}
}

func sampling(p config.Profile) (s Sampling) {
	float := func(f *float64) string {
		if f == nil {
			return ""
		}
		text := strconv.FormatFloat(*f, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	}
	s = Sampling{float(p.Temperature), float(p.TopP), "", float(p.MinP), float(p.PresencePenalty), float(p.RepetitionPenalty)}
	if p.TopK != nil {
		s[2] = strconv.Itoa(*p.TopK)
	}
	return s
}

// Resolve finds the virtual model that a name stands for: an exact name first, then
// the pattern with the longest literal part. nil when there is none.
func (c *Catalog) Resolve(name []byte) *Model {
	if m := c.exact[string(name)]; m != nil {
		return m
	}
	for _, p := range c.patterns {
		if match(p.text, string(name)) {
			return p.model
		}
	}
	return nil
}

// Listed are the names for /v1/models: virtual models, then the configuration's exact
// aliases, in order.
func (c *Catalog) Listed() []string { return c.listed }

// Default is the first virtual model, for questions that need none in particular.
func (c *Catalog) Default() *Model { return c.models[0] }

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
