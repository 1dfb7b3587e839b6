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

// New builds the catalog. It reports, as config.Errors, profiles that don't exist, names used
// twice and patterns of which none is more specific than the other.
func New(c *config.Config) (*Catalog, error) {
	b := &builder{cat: &Catalog{exact: map[string]*Model{}}}
	b.readProfiles(c)
	if len(c.Upstreams) > 0 {
		u := c.Upstreams[0]
		b.target = Target{u.Name, u.Model, u.MaxModelLen}
	}
	coding := b.addBuiltin(c.BuiltinModels)
	b.addConfigured(c.Models)
	for _, m := range b.cat.models {
		b.cat.listed = append(b.cat.listed, m.Name)
	}
	b.addAliases(c.Models)
	if len(b.errs) > 0 {
		return nil, b.errs
	}
	cat := b.cat
	if c.BuiltinAliases {
		cat.addBuiltinAliases(coding)
	}
	// Most specific first; pairs that could tie with different models are refused above.
	// By hand, since each use of a generic sort adds 20 KB to the filter's module.
	for i := range cat.patterns {
		for j := i; j > 0 && cat.patterns[j].literal > cat.patterns[j-1].literal; j-- {
			cat.patterns[j], cat.patterns[j-1] = cat.patterns[j-1], cat.patterns[j]
		}
	}
	return cat, nil
}

// A builder is a catalog in the making: what its models are made of, and what is wrong.
type builder struct {
	cat      *Catalog
	profiles map[string]config.Profile // the built-in and configured ones by name
	target   Target
	errs     config.Errors
}

// addBuiltin adds the four built-in models and returns the one for coding.
func (b *builder) addBuiltin(names config.BuiltinModels) (coding *Model) {
	for _, m := range []struct{ profile, name string }{
		{"thinking-general", names.ThinkingGeneral}, {"thinking-coding", names.ThinkingCoding},
		{"instruct-general", names.InstructGeneral}, {"instruct-reasoning", names.InstructReasoning},
	} {
		path := "builtin_models." + m.profile
		switch {
		case m.name == "":
			b.errs.Add(path, "a name is required")
			continue
		case b.cat.exact[m.name] != nil:
			b.errs.Add(path, "%q stands twice", m.name)
			continue
		}
		model := b.model(path, m.name, m.profile)
		b.cat.models = append(b.cat.models, model)
		b.cat.exact[m.name] = model
		if m.profile == "thinking-coding" {
			coding = model
		}
	}
	return coding
}

// addConfigured adds the configuration's models. One of a built-in's name takes its place.
func (b *builder) addConfigured(list []config.Model) {
	configured := map[string]bool{}
	for i, m := range list {
		path := fmt.Sprintf("models[%d]", i)
		switch {
		case m.Name == "":
			b.errs.Add(path+".name", "a name is required")
		case strings.Contains(m.Name, "*"):
			b.errs.Add(path+".name", "%q: a name can't hold *, an alias can", m.Name)
		case configured[m.Name]:
			b.errs.Add(path+".name", "%q stands twice", m.Name)
		}
		model := b.model(path, m.Name, m.Profile)
		configured[m.Name] = true
		if old := b.cat.exact[m.Name]; old != nil {
			*old = *model // a built-in model overridden: same place, same pointers to it
		} else {
			b.cat.models = append(b.cat.models, model)
			b.cat.exact[m.Name] = model
		}
	}
}

// addAliases adds the other names of the configuration's models.
func (b *builder) addAliases(list []config.Model) {
	c := b.cat
	for i, m := range list {
		for j, a := range m.Aliases {
			path := fmt.Sprintf("models[%d].aliases[%d]", i, j)
			switch {
			case a == "":
				b.errs.Add(path, "a name or pattern is required")
			case strings.Contains(a, "*"):
				b.addPattern(path, a, c.exact[m.Name])
			case c.exact[a] != nil:
				b.errs.Add(path, "%q means %s already", a, c.exact[a].Name)
			default:
				c.exact[a] = c.exact[m.Name]
				c.listed = append(c.listed, a)
			}
		}
	}
}

func (b *builder) addPattern(path, text string, m *Model) {
	p := pattern{text, len(text) - strings.Count(text, "*"), m}
	for _, q := range b.cat.patterns {
		if q.literal == p.literal && q.model != m && overlap(p.text, q.text) {
			b.errs.Add(path, "%q and %q can match the same name equally well but mean %s and %s", p.text, q.text, m.Name, q.model.Name)
			return
		}
	}
	b.cat.patterns = append(b.cat.patterns, p)
}

func (c *Catalog) addBuiltinAliases(coding *Model) {
	for _, a := range builtinAliases {
		// A configured pattern of the same text takes the built-in one's place.
		if !slices.ContainsFunc(c.patterns, func(p pattern) bool { return p.text == a }) {
			c.patterns = append(c.patterns, pattern{a, len(a) - 1, coding})
		}
	}
}

// readProfiles reads the profiles, and finds those that are to step in for one where thinking
// is off.
func (b *builder) readProfiles(c *config.Config) {
	b.profiles = map[string]config.Profile{}
	for _, p := range config.BuiltinProfiles() {
		b.profiles[p.Name] = p
	}
	configured := map[string]bool{}
	for i, p := range c.Profiles {
		if configured[p.Name] {
			b.errs.Add(fmt.Sprintf("profiles[%d].name", i), "%q stands twice", p.Name)
		}
		configured[p.Name] = true
		b.profiles[p.Name] = p
	}
	for i, p := range c.Profiles {
		if _, ok := b.profiles[whenOff(p)]; !ok {
			b.errs.Add(fmt.Sprintf("profiles[%d].when_off", i), "%q is not known, the profiles are %s", p.WhenOff, b.names())
		}
	}
}

// whenOff is the profile whose sampling values count while thinking is off.
func whenOff(p config.Profile) string {
	switch {
	case p.Thinking == "off":
		return p.Name
	case p.WhenOff == "":
		return "instruct-general"
	}
	return p.WhenOff
}

// names lists the profiles.
func (b *builder) names() string {
	var names []string
	for name := range b.profiles {
		i, _ := slices.BinarySearch(names, name)
		names = slices.Insert(names, i, name)
	}
	return strings.Join(names, ", ")
}

// model makes a virtual model of a profile; path is that of the model in the configuration.
func (b *builder) model(path, name, profile string) *Model {
	p, ok := b.profiles[profile]
	if !ok {
		b.errs.Add(path+".profile", "%q is not known, the profiles are %s", profile, b.names())
	}
	m := &Model{Name: name, On: sampling(p), Off: sampling(b.profiles[whenOff(p)]), Target: b.target}
	switch p.Thinking {
	case "off":
		m.Thinking = Off
	case "client":
		m.Thinking = Client
	}
	return m
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
