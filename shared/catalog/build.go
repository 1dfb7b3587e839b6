package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// builtinAliases are the names that today's coding agents send by themselves, and the place of
// the built-in profile that each means: the small models are asked for titles and verdicts.
var builtinAliases = [...]struct {
	pattern string
	profile int
}{
	{"claude-*", coding}, {"gpt-*", coding}, {"codex-*", coding}, {"gpt*-codex-*", coding},
	{"claude-*haiku*", firstInstruct}, {"gpt-*-mini", firstInstruct}, {"gpt-*-nano", firstInstruct},
}

// New builds the catalog. It reports, as config.Errors, profiles that don't exist, names used
// twice and patterns of which none is more specific than the other.
func New(c *config.Config) (*Catalog, error) {
	b := &builder{cat: &Catalog{exact: map[string]*Model{}}}
	b.readTarget(c.Upstreams)
	b.enforce = c.EnforceSampling
	b.readProfiles(c.Profiles)
	builtin := b.addBuiltin(c.BuiltinModels)
	b.addConfigured(c.Models)
	b.addAliases(c.Models)
	b.addNames(builtin, c.ServedName)
	b.addClasses(c.Models)
	if len(b.errs) > 0 {
		return nil, b.errs
	}
	cat := b.cat
	if c.BuiltinAliases {
		cat.addBuiltinAliases(builtin)
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
	profiles map[string]profile // those for the target, the built-in and configured ones by name
	others   map[string]bool    // names of profiles that are there for other generations
	target   Target
	mode     mode     // the target's
	enforce  bool     // the configuration's, for profiles that say nothing of it
	aliases  []string // those that are exact
	errs     config.Errors
}

// addBuiltin adds the four built-in models and returns them, nil for one without a name.
func (b *builder) addBuiltin(names config.BuiltinModels) (builtin [len(builtinProfiles)]*Model) {
	for i, name := range [...]string{names.ThinkingGeneral, names.ThinkingCoding, names.InstructGeneral, names.InstructReasoning} {
		path := "builtin_models." + builtinProfiles[i]
		switch {
		case name == "":
			b.errs.Add(path, "a name is required")
			continue
		case b.cat.exact[name] != nil:
			b.errs.Add(path, "%q stands twice", name)
			continue
		}
		builtin[i] = b.model(path, name, builtinProfiles[i])
		b.cat.models = append(b.cat.models, builtin[i])
		b.cat.exact[name] = builtin[i]
	}
	return builtin
}

// addNames adds the names that nobody need configure, where no other model has them: those of
// the built-in models without a generation, so that a client's setting outlives the model, and
// the served model's own, which is to think or not as the request says.
func (b *builder) addNames(builtin [len(builtinProfiles)]*Model, served bool) {
	c := b.cat
	at := 0
	for at < len(c.models) && slices.Contains(builtin[:], c.models[at]) {
		at++
	}
	for i, m := range builtin {
		name := "qwen-" + builtinProfiles[i]
		if m == nil || c.exact[name] != nil {
			continue
		}
		same := *m
		same.Name = name
		c.exact[name] = &same
		c.models = slices.Insert(c.models, at, &same)
		at++
	}
	if name := b.target.Model; served && name != "" && c.exact[name] == nil {
		own := b.model("", name, builtinProfiles[0])
		if b.mode == switchable {
			own.Thinking = Client
		}
		c.exact[name] = own
		c.models = append(c.models, own)
	}
	for _, m := range c.models {
		c.listed = append(c.listed, m.Name)
	}
	c.listed = append(c.listed, b.aliases...)
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
		if m.Classes != (config.Classes{}) {
			model.Classes = new([access.Classes]*Model)
		}
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
				b.aliases = append(b.aliases, a)
			}
		}
	}
}

// addClasses finds the models that answer classes of requests.
func (b *builder) addClasses(list []config.Model) {
	for i, m := range list {
		for class, name := range [access.Classes]string{
			access.Subagent: m.Classes.Subagent, access.Auxiliary: m.Classes.Auxiliary, access.Compaction: m.Classes.Compaction,
		} {
			switch other := b.cat.exact[name]; {
			case name == "":
			case other == nil:
				b.errs.Add(fmt.Sprintf("models[%d].classes.%s", i, access.Class(class)), "%q is not known, the models are %s", name,
					strings.Join(b.cat.listed, ", "))
			default:
				b.cat.exact[m.Name].Classes[class] = other
			}
		}
	}
}

func (b *builder) addPattern(path, text string, m *Model) {
	p := newPattern(text, m)
	for _, q := range b.cat.patterns {
		if q.literal == p.literal && q.model != m && overlap(p.text, q.text) {
			b.errs.Add(path, "%q and %q can match the same name equally well but mean %s and %s", p.text, q.text, m.Name, q.model.Name)
			return
		}
	}
	b.cat.patterns = append(b.cat.patterns, p)
}

func (c *Catalog) addBuiltinAliases(builtin [len(builtinProfiles)]*Model) {
	for _, a := range builtinAliases {
		// A configured pattern of the same text takes the built-in one's place.
		if !slices.ContainsFunc(c.patterns, func(p pattern) bool { return p.text == a.pattern }) {
			c.patterns = append(c.patterns, newPattern(a.pattern, builtin[a.profile]))
		}
	}
}

// readTarget reads what the server's model is.
func (b *builder) readTarget(upstreams []config.Upstream) {
	b.target.Generation = Unknown
	if len(upstreams) == 0 {
		return
	}
	u := upstreams[0]
	read, mode := readName(u.Model)
	if u.Generation != "" {
		named := generation(u.Generation)
		if named == nil {
			b.errs.Add("upstreams[0].generation", "%q is not allowed here, %s is", u.Generation, strings.Join(generationNames(), ", "))
			named = read
		}
		if named != read {
			read, mode = named, named.mode("")
		}
	}
	b.target, b.mode = Target{u.Name, u.Model, u.MaxModelLen, read}, mode
}

// A profile is one of those that a virtual model may have.
type profile struct {
	thinking Thinking
	values   Sampling
	// official is that of a Model. whenOff names the profile whose values count while
	// thinking is off.
	official, whenOff string
	// enforce: the values count before the client's.
	enforce bool
}

// readProfiles reads the profiles, and finds those that are to step in for one where thinking
// is off. Of a name, one for the model's generation goes before one for all.
func (b *builder) readProfiles(list []config.Profile) {
	b.profiles, b.others = map[string]profile{}, map[string]bool{}
	for i, name := range builtinProfiles {
		p := b.target.Generation.profile(i, b.mode)
		p.enforce = b.enforce
		b.profiles[name] = p
	}
	type place struct{ name, generation string }
	configured := map[place]bool{}
	for i, p := range list {
		at := place{p.Name, p.When.Generation}
		if configured[at] {
			b.errs.Add(fmt.Sprintf("profiles[%d].name", i), "%q stands twice", p.Name)
		}
		configured[at] = true
		switch own := b.target.Generation.Name; {
		case at.generation == own, at.generation == "" && !configured[place{p.Name, own}]:
			b.profiles[p.Name] = b.configuredProfile(p)
		case at.generation != "" && generation(at.generation) == nil:
			b.errs.Add(fmt.Sprintf("profiles[%d].when.generation", i), "%q is not allowed here, %s is", at.generation,
				strings.Join(generationNames(), ", "))
		default:
			b.others[p.Name] = true
		}
	}
	for i, p := range list {
		if p.WhenOff != "" && p.Thinking != "off" {
			b.check(fmt.Sprintf("profiles[%d].when_off", i), p.WhenOff)
		}
	}
}

// check says where a name is no profile's.
func (b *builder) check(path, name string) {
	_, ok := b.profiles[name]
	switch {
	case ok, b.others[name] && b.target.Model == "": // of which nothing is known yet
	case b.others[name]:
		b.errs.Add(path, "%q is for models of other generations than %s alone, the profiles for it are %s",
			name, b.target.Generation.Name, b.names())
	default:
		b.errs.Add(path, "%q is not known, the profiles are %s", name, b.names())
	}
}

func (b *builder) configuredProfile(c config.Profile) profile {
	p := profile{values: sampling(c), whenOff: c.WhenOff, enforce: b.enforce}
	if c.EnforceSampling != nil {
		p.enforce = *c.EnforceSampling
	}
	switch c.Thinking {
	case "off":
		p.thinking = Off
	case "client":
		p.thinking = Client
	}
	return p
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
	b.check(path+".profile", profile)
	p := b.profiles[profile]
	m := &Model{
		Name: name, Profile: profile, Official: p.official, Thinking: p.thinking, On: p.values, Off: p.values, Enforce: p.enforce,
		Target: b.target,
	}
	switch {
	case b.mode == alwaysThinks:
		m.Thinking = Always
	case b.mode == neverThinks:
		m.Thinking = Off
	case p.thinking != Off && p.whenOff == "":
		m.Off = b.profiles["instruct-general"].values
	case p.thinking != Off:
		m.Off = b.profiles[p.whenOff].values
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
