package gateway

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// An Edge says how the I/O around the core differs.
type Edge struct {
	// Health: this edge answers GET /health, /livez and /readyz itself; otherwise they are passed on.
	Health bool
	// Loopback: only its own machine can reach this edge.
	Loopback bool
	// LearnsModel: this edge can ask the server for its model's name. A Gateway of a
	// configuration without one answers 503, until the edge makes another that has it.
	LearnsModel bool
	// Several: this edge can reach several upstreams. Another has the default one alone.
	Several bool
	// MaxBody is the limit for request and whole reply bodies, in bytes, where the
	// configuration sets none. 0 is 32 MiB.
	MaxBody int
}

// A Gateway holds what all exchanges share. It is immutable: a new configuration is a
// new Gateway, and exchanges that run keep theirs.
type Gateway struct {
	edge     Edge
	unused   int // upstreams of the configuration that this edge can't reach
	settings hub.Settings
	// upstreams are those of the configuration, in its order; main is the default one's place.
	upstreams []upstream
	main      int
	maxBody   int
	maxEvent  int
	pass      bool
	origins   origins
	hosts     hosts
	fields    fields
	tag       tag
}

// An upstream is what the header of a request says to one.
type upstream struct {
	name, apiKey string
	// sessionHeader names the field in which it is told whose requests begin alike.
	sessionHeader string
}

// New checks a configuration, what of it refers to each other too, and makes a Gateway of it.
// The error holds all faults, as config.Errors.
func New(c *config.Config, edge Edge) (*Gateway, error) {
	cat, err := catalog.New(c)
	if err := config.Join(c.Validate(), named(c, edge), err); err != nil {
		return nil, err
	}
	configured := len(c.Upstreams)
	if !edge.Several && configured > 1 {
		c = c.Alone()
		cat, _ = catalog.New(c) // of a part of what is right
	}
	g := &Gateway{
		edge:     edge,
		unused:   configured - len(c.Upstreams),
		maxBody:  int(c.Limits.Body),
		maxEvent: int(c.Limits.Event),
		pass:     c.Passthrough,
		settings: hub.Settings{Catalog: cat, KeepLineFeeds: c.KeepNewlines},
	}
	if g.maxBody == 0 {
		g.maxBody = edge.MaxBody
	}
	if g.maxBody == 0 {
		g.maxBody = 32 << 20
	}
	if g.maxEvent == 0 {
		g.maxEvent = 10 << 20
	}
	g.settings.MaxReply, g.settings.MaxEvent = g.maxBody, g.maxEvent
	switch c.ReasoningField {
	case "reasoning":
		g.settings.ReasoningField = hub.OnlyReasoning
	case "reasoning_content":
		g.settings.ReasoningField = hub.OnlyReasoningContent
	}
	switch c.LateSystem {
	case "merge":
		g.settings.LateSystem = hub.Merge
	case "fold":
		g.settings.LateSystem = hub.Fold
	case "keep":
		g.settings.LateSystem = hub.Keep
	}
	g.settings.KeepSmallCaps = c.SmallCaps == "keep"
	g.settings.RejectTools = c.UnsupportedTools == "reject"
	g.settings.Denied = c.ClientFields.Deny
	g.origins, g.hosts = newOrigins(c), newHosts(c, edge.Loopback)
	g.fields = newFields(c)
	for _, u := range c.Upstreams {
		g.upstreams = append(g.upstreams, upstream{u.Name, u.APIKey, strings.ToLower(u.SessionHeader)})
	}
	g.main = c.DefaultIndex()
	g.tag = newTag(cat)
	r := &g.settings.Responses
	r.DoneMarker = c.Responses.DoneMarker
	switch c.Responses.ReasoningEvents {
	case "open-responses":
		r.ReasoningEvents = hub.OpenResponses
	case "summary":
		r.ReasoningEvents = hub.Summary
	}
	if k := c.Responses.EncryptionKey; k != "" {
		raw, _ := base64.StdEncoding.DecodeString(k) // Validate has looked at it
		r.HasKey = copy(r.Key[:], raw) == len(r.Key)
	}
	g.settings.Messages = hub.MessagesSettings{
		ForwardUser: c.Messages.ForwardUser, KeepBilling: c.Messages.KeepBillingHeader,
		Thinking:         thinkingShown[c.Messages.Thinking],
		RefuseSafeguards: c.Messages.Safeguards == "refuse",
	}
	return g, nil
}

// hints reads what an agent says of a request.
func (g *Gateway) hints(head Head, r *route) access.Hints {
	h := access.ReadHints(head.Header)
	if r.dialect == responses.Compact {
		h.Class = access.Compaction
	}
	return h
}

// named refuses a configuration without the served model's name where nobody can learn it.
func named(c *config.Config, edge Edge) error {
	var errs config.Errors
	if i := c.DefaultIndex(); i < len(c.Upstreams) && c.Upstreams[i].Model == "" && !edge.LearnsModel {
		errs.Add(fmt.Sprintf("upstreams[%d].model", i),
			"the served model's name is required here: the binary can ask the server for it, the filter can't")
	}
	return errs.Err()
}

// nameless tells whether the served model's name is still to be learned.
func (g *Gateway) nameless() bool { return g.settings.Catalog.Main().Model == "" }

// thinkingShown are the words of messages.thinking.
var thinkingShown = map[string]hub.ThinkingShown{
	"auto": hub.ShownAuto, "profile": hub.ShownByProfile, "when_asked": hub.ShownWhenAsked,
}

// MaxBody is the limit of a request body and of a reply that is read whole, in bytes.
func (g *Gateway) MaxBody() int { return g.maxBody }

// Catalog is what the names that clients ask for stand for.
func (g *Gateway) Catalog() *catalog.Catalog { return g.settings.Catalog }

// Notes are sentences for the log, once for a configuration: what is valid and needs care.
func (g *Gateway) Notes() (notes []string) {
	if g.unused > 0 {
		notes = append(notes, fmt.Sprintf("%d of the upstreams are not used here: the filter's one is Envoy's cluster, and %q says what it is",
			g.unused, g.upstreams[g.main].name))
	}
	t := g.settings.Catalog.Main()
	if t.Generation != catalog.Unknown || g.nameless() {
		return notes
	}
	return append(notes, fmt.Sprintf("the name %q tells no generation of Qwen: the built-in profiles have the values of Qwen3.5, "+
		"and no effort goes up; upstreams[0].generation names it", t.Model))
}

// Models lists the names that /v1/models shows.
func (g *Gateway) Models() []string { return g.settings.Catalog.Listed() }
