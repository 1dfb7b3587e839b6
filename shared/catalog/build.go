package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// builtinAliases are the names that today's coding agents send by themselves.
var builtinAliases = []string{"claude-*", "gpt-*", "codex-*"}

// New builds the catalog. It reports profiles that don't exist, names used twice and
// patterns of which none is more specific than the other.
func New(c *config.Config) (*Catalog, error) {
	known, err := readProfiles(c)
	if err != nil {
		return nil, err
	}
	u := c.Upstreams[0]
	target := Target{u.Name, u.Model, u.MaxModelLen}
	cat := &Catalog{exact: map[string]*Model{}}
	coding, err := cat.addBuiltin(c.BuiltinModels, known, target)
	if err != nil {
		return nil, err
	}
	if err := cat.addConfigured(c.Models, known, target); err != nil {
		return nil, err
	}
	for _, m := range cat.models {
		cat.listed = append(cat.listed, m.Name)
	}
	if err := cat.addAliases(c.Models); err != nil {
		return nil, err
	}
	if c.BuiltinAliases {
		cat.addBuiltinAliases(coding)
	}
	// Most specific first; New has refused pairs that could tie with different models.
	// By hand, since each use of a generic sort adds 20 KB to the filter's module.
	for i := range cat.patterns {
		for j := i; j > 0 && cat.patterns[j].literal > cat.patterns[j-1].literal; j-- {
			cat.patterns[j], cat.patterns[j-1] = cat.patterns[j-1], cat.patterns[j]
		}
	}
	return cat, nil
}

// addBuiltin adds the four built-in models and returns the one for coding.
func (c *Catalog) addBuiltin(b config.BuiltinModels, known profiles, target Target) (coding *Model, err error) {
	for _, m := range []struct{ profile, name string }{
		{"thinking-general", b.ThinkingGeneral}, {"thinking-coding", b.ThinkingCoding},
		{"instruct-general", b.InstructGeneral}, {"instruct-reasoning", b.InstructReasoning},
	} {
		path := "builtin_models." + m.profile
		if m.name == "" {
			return nil, wrong(path, "a name is required")
		}
		if c.exact[m.name] != nil {
			return nil, wrong(path, "%q stands twice", m.name)
		}
		model, err := known.model(path, m.name, m.profile, target)
		if err != nil {
			return nil, err
		}
		c.models = append(c.models, model)
		c.exact[m.name] = model
		if m.profile == "thinking-coding" {
			coding = model
		}
	}
	return coding, nil
}

// addConfigured adds the configuration's models. One of a built-in's name takes its place.
func (c *Catalog) addConfigured(list []config.Model, known profiles, target Target) error {
	configured := map[string]bool{}
	for i, m := range list {
		path := fmt.Sprintf("models[%d]", i)
		switch {
		case m.Name == "":
			return wrong(path+".name", "a name is required")
		case strings.Contains(m.Name, "*"):
			return wrong(path+".name", "%q: a name can't hold *, an alias can", m.Name)
		case configured[m.Name]:
			return wrong(path+".name", "%q stands twice", m.Name)
		}
		configured[m.Name] = true
		model, err := known.model(path, m.Name, m.Profile, target)
		if err != nil {
			return err
		}
		if old := c.exact[m.Name]; old != nil {
			*old = *model // a built-in model overridden: same place, same pointers to it
		} else {
			c.models = append(c.models, model)
			c.exact[m.Name] = model
		}
	}
	return nil
}

// addAliases adds the other names of the configuration's models.
func (c *Catalog) addAliases(list []config.Model) error {
	for i, m := range list {
		for j, a := range m.Aliases {
			path := fmt.Sprintf("models[%d].aliases[%d]", i, j)
			switch {
			case a == "":
				return wrong(path, "a name or pattern is required")
			case strings.Contains(a, "*"):
				if err := c.addPattern(path, a, c.exact[m.Name]); err != nil {
					return err
				}
			case c.exact[a] != nil:
				return wrong(path, "%q means %s already", a, c.exact[a].Name)
			default:
				c.exact[a] = c.exact[m.Name]
				c.listed = append(c.listed, a)
			}
		}
	}
	return nil
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

func (c *Catalog) addBuiltinAliases(coding *Model) {
	for _, a := range builtinAliases {
		// A configured pattern of the same text takes the built-in one's place.
		if !slices.ContainsFunc(c.patterns, func(p pattern) bool { return p.text == a }) {
			c.patterns = append(c.patterns, pattern{a, len(a) - 1, coding})
		}
	}
}

// profiles are the built-in and configured profiles by name.
type profiles map[string]config.Profile

func readProfiles(c *config.Config) (profiles, error) {
	all := profiles{}
	for _, p := range config.BuiltinProfiles() {
		all[p.Name] = p
	}
	for i, p := range c.Profiles {
		for _, q := range c.Profiles[:i] {
			if q.Name == p.Name {
				return nil, wrong(fmt.Sprintf("profiles[%d].name", i), "%q stands twice", p.Name)
			}
		}
		all[p.Name] = p
	}
	return all, nil
}

func (all profiles) names() string {
	var names []string
	for name := range all {
		i, _ := slices.BinarySearch(names, name)
		names = slices.Insert(names, i, name)
	}
	return strings.Join(names, ", ")
}

// model makes a virtual model of a profile; path is that of the model in the configuration.
func (all profiles) model(path, name, profile string, target Target) (*Model, error) {
	p, ok := all[profile]
	if !ok {
		return nil, wrong(path+".profile", "%q is not known, the profiles are %s", profile, all.names())
	}
	off := p
	if p.Thinking != "off" {
		when := p.WhenOff
		if when == "" {
			when = "instruct-general"
		}
		if off, ok = all[when]; !ok {
			return nil, wrong("profile "+p.Name+".when_off", "%q is not known, the profiles are %s", when, all.names())
		}
	}
	m := &Model{Name: name, On: sampling(p), Off: sampling(off), Target: target}
	switch p.Thinking {
	case "off":
		m.Thinking = Off
	case "client":
		m.Thinking = Client
	}
	return m, nil
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

func wrong(path, format string, args ...any) error {
	return &config.Error{Path: path, Text: fmt.Sprintf(format, args...)}
}
