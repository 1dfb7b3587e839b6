// Package catalog knows the virtual models: which names stand for them, and which
// sampling values and thinking switch they carry. It is built once from a
// configuration and immutable then.
//
// It imports access and config.
package catalog

import "github.com/qwenvoy/qwenvoy/shared/access"

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

// Default is the first virtual model, for questions that need none in particular.
func (c *Catalog) Default() *Model { return c.models[0] }
