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
	b := &builder{cat: &Catalog{exact: map[string]*Model{}}, config: c}
	b.readTargets()
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
	cat     *Catalog
	config  *config.Config
	main    *target // the one that models have without targets of their own
	targets []*target
	aliases []string // those that are exact
	errs    config.Errors
}

// A target is a Target in the making, and the profiles of its model's generation.
type target struct {
	Target
	mode     mode
	profiles map[string]profile // built-in and configured ones by name
	others   map[string]bool    // names of profiles that are there for other generations
	// told: what is wrong with its profiles is told, as of one target it is; of another those
	// faults count that a model of its meets.
	told bool
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
		builtin[i] = b.main.model(path, name, builtinProfiles[i], &b.errs)
		b.cat.models = append(b.cat.models, builtin[i])
		b.cat.exact[name] = builtin[i]
	}
	return builtin
}

// addNames adds the names that nobody need configure, where no other model has them: those of
// the built-in models without a generation, so that a client's setting outlives the model, and
// the served models' own, which are to think or not as the request says.
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
		same := m.named(name)
		c.exact[name] = same
		c.models = slices.Insert(c.models, at, same)
		at++
	}
	for i := 0; served && i < len(b.config.Upstreams); i++ {
		name := b.targets[i].Model
		if name == "" || c.exact[name] != nil {
			continue
		}
		own := b.targets[i].model("", name, builtinProfiles[0], &b.errs)
		if b.targets[i].mode == switchable {
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
		targets := b.targetsOf(path, &m)
		errs, before := &b.errs, len(b.errs)
		model := targets[0].model(path, m.Name, m.Profile, errs)
		if len(b.errs) > before { // once is enough
			errs = new(config.Errors)
		}
		for _, t := range targets[1:] {
			model.Others = append(model.Others, t.model(path, m.Name, m.Profile, errs))
		}
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

// readTargets reads what the upstreams' models are.
func (b *builder) readTargets() {
	b.main = &target{Target: Target{Generation: Unknown}}
	for i := range b.config.Upstreams {
		u := &b.config.Upstreams[i]
		t := b.target(fmt.Sprintf("upstreams[%d]", i), u, u.Model, u.Generation)
		if b.targets = append(b.targets, t); i == b.config.DefaultIndex() {
			b.main, t.told = t, true
		}
		b.readProfiles(t)
	}
	if len(b.targets) == 0 {
		b.main.told = true
		b.readProfiles(b.main)
	}
	b.cat.main = b.main.Target
}

// target reads a target of an upstream.
func (b *builder) target(path string, u *config.Upstream, model, named string) *target {
	read, mode := readName(model)
	if named != "" {
		g := generation(named)
		if g == nil {
			b.errs.Add(path+".generation", "%q is not allowed here, %s is", named, strings.Join(generationNames(), ", "))
			g = read
		}
		if g != read {
			read, mode = g, g.mode("")
		}
	}
	return &target{Target: Target{u.Name, model, u.MaxModelLen, read}, mode: mode}
}

// targetsOf are the targets of a configured model.
func (b *builder) targetsOf(path string, m *config.Model) []*target {
	var list []*target
	for j, named := range m.Targets {
		i := slices.IndexFunc(b.config.Upstreams, func(u config.Upstream) bool { return u.Name == named.Upstream })
		if i < 0 {
			continue // which the configuration's own check says
		}
		if u := &b.config.Upstreams[i]; named.Model != "" || named.Generation != "" {
			model, generation := named.Model, named.Generation
			if model == "" {
				model = u.Model
			}
			t := b.target(fmt.Sprintf("%s.targets[%d]", path, j), u, model, generation)
			b.readProfiles(t)
			list = append(list, t)
			continue
		}
		list = append(list, b.targets[i])
	}
	if len(list) == 0 {
		list = append(list, b.main)
	}
	return list
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

// readProfiles reads the profiles for a target, and finds those that are to step in for one where
// thinking is off. Of a name, one for the model's generation goes before one for all.
func (b *builder) readProfiles(t *target) {
	errs := new(config.Errors)
	if t.told {
		errs = &b.errs
	}
	t.profiles, t.others = map[string]profile{}, map[string]bool{}
	for i, name := range builtinProfiles {
		p := t.Generation.profile(i, t.mode)
		p.enforce = b.config.EnforceSampling
		t.profiles[name] = p
	}
	type place struct{ name, generation string }
	configured := map[place]bool{}
	for i, p := range b.config.Profiles {
		at := place{p.Name, p.When.Generation}
		if configured[at] {
			errs.Add(fmt.Sprintf("profiles[%d].name", i), "%q stands twice", p.Name)
		}
		configured[at] = true
		switch own := t.Generation.Name; {
		case at.generation == own, at.generation == "" && !configured[place{p.Name, own}]:
			t.profiles[p.Name] = b.configuredProfile(p)
		case at.generation != "" && generation(at.generation) == nil:
			errs.Add(fmt.Sprintf("profiles[%d].when.generation", i), "%q is not allowed here, %s is", at.generation,
				strings.Join(generationNames(), ", "))
		default:
			t.others[p.Name] = true
		}
	}
	for i, p := range b.config.Profiles {
		if p.WhenOff != "" && p.Thinking != "off" {
			t.check(fmt.Sprintf("profiles[%d].when_off", i), p.WhenOff, errs)
		}
	}
}

// check says where a name is no profile's.
func (t *target) check(path, name string, errs *config.Errors) {
	if fault := t.fault(name); fault != "" {
		errs.Add(path, "%s", fault)
	}
}

// fault says why a name is no profile's, "" where it is one.
func (t *target) fault(name string) string {
	_, ok := t.profiles[name]
	switch {
	case ok, t.others[name] && t.Model == "": // of which nothing is known yet
		return ""
	case t.others[name]:
		return fmt.Sprintf("%q is for models of other generations than %s alone, the profiles for it are %s",
			name, t.Generation.Name, t.names())
	}
	return fmt.Sprintf("%q is not known, the profiles are %s", name, t.names())
}

func (b *builder) configuredProfile(c config.Profile) profile {
	p := profile{values: sampling(c), whenOff: c.WhenOff, enforce: b.config.EnforceSampling}
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
func (t *target) names() string {
	var names []string
	for name := range t.profiles {
		i, _ := slices.BinarySearch(names, name)
		names = slices.Insert(names, i, name)
	}
	return strings.Join(names, ", ")
}

// model makes a virtual model of a profile; path is that of the model in the configuration.
func (t *target) model(path, name, profile string, errs *config.Errors) *Model {
	t.check(path+".profile", profile, errs)
	p := t.profiles[profile]
	if fault := t.fault(p.whenOff); !t.told && p.whenOff != "" && fault != "" {
		errs.Add(path+".profile", "%q hands over where thinking is off, and %s", profile, fault)
	}
	m := &Model{
		Name: name, Profile: profile, Official: p.official, Thinking: p.thinking, On: p.values, Off: p.values, Enforce: p.enforce,
		Target: t.Target,
	}
	switch {
	case t.mode == alwaysThinks:
		m.Thinking = Always
	case t.mode == neverThinks:
		m.Thinking = Off
	case p.thinking != Off && p.whenOff == "":
		m.Off = t.profiles["instruct-general"].values
	case p.thinking != Off:
		m.Off = t.profiles[p.whenOff].values
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
