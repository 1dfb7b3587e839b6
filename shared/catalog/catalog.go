// Package catalog knows the virtual models: which names stand for them, and which
// sampling values and thinking switch they carry. It is built once from a
// configuration and immutable then.
//
// It imports access and config.
package catalog

import (
	"slices"

	"github.com/qwenvoy/qwenvoy/shared/access"
)

// Thinking is a profile's thinking switch.
type Thinking uint8

const (
	On     Thinking = iota // always on, unless the request says none
	Off                    // always off
	Client                 // as the request says
	Always                 // always on: the model can't do without
)

// SamplingKeys are the request keys that a profile may set, in the order of
// Sampling's values.
var SamplingKeys = [...]string{"temperature", "top_p", "top_k", "min_p", "presence_penalty", "repetition_penalty"}

// Sampling holds a JSON number for each of SamplingKeys, "" for one that is not set.
type Sampling [len(SamplingKeys)]string

// A Model is a virtual model.
type Model struct {
	Name string
	// Profile is the name of its profile. Official names the generation whose model card has
	// the profile's values, "" where they are the configuration's or the nearest of a card.
	Profile, Official string
	Thinking          Thinking
	// On and Off are the sampling values for the effective state of thinking.
	On, Off Sampling
	// Enforce: they count before the client's.
	Enforce bool
	// Target is what goes upstream.
	Target Target
	// Others is this model as its further targets answer it, in their order, with what their
	// generations make of the profile. All but Name may differ.
	Others []*Model
	// Classes are the models that answer classes of requests to this one, and to those that are
	// the same under another name; nil for itself.
	Classes *[access.Classes]*Model
}

// For is the model that answers a class of requests to this one.
func (m *Model) For(c access.Class) *Model {
	if m.Classes != nil && m.Classes[c] != nil {
		return m.Classes[c]
	}
	return m
}

// Targets is how many targets may answer for the model, at least 1.
func (m *Model) Targets() int { return 1 + len(m.Others) }

// At is the model as its i-th target answers it.
func (m *Model) At(i int) *Model {
	if i == 0 {
		return m
	}
	return m.Others[i-1]
}

// Same tells whether two models differ in nothing but their names.
func (m *Model) Same(o *Model) bool {
	return m.Profile == o.Profile && m.Official == o.Official && m.Thinking == o.Thinking && m.On == o.On && m.Off == o.Off &&
		m.Enforce == o.Enforce && m.Target == o.Target && m.Classes == o.Classes && slices.EqualFunc(m.Others, o.Others, (*Model).Same)
}

// named is the model, and its others, under another name.
func (m *Model) named(name string) *Model {
	same := *m
	same.Name, same.Others = name, slices.Clone(m.Others)
	for i, o := range same.Others {
		same.Others[i] = o.named(name)
	}
	return &same
}

// A Target is one upstream plus the model name that it knows.
type Target struct {
	Upstream, Model string
	// Window is the configured context window in tokens, 0 when it is not known.
	Window int
	// Generation is the model's, Unknown where neither the configuration nor its name tells it.
	Generation *Generation
}

// A Catalog resolves names.
type Catalog struct {
	models   []*Model
	exact    map[string]*Model
	patterns []pattern
	listed   []string
	main     Target
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

// Models are the virtual models, in order.
func (c *Catalog) Models() []*Model { return c.models }

// Main is what the default upstream serves, whoever answers for the virtual models.
func (c *Catalog) Main() *Target { return &c.main }
