package gateway

import (
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// fields are the fields of a client's header that never go up, by kind of route. Exchanges
// append to them, so none has room.
type fields struct {
	passed, edited, translated []string
}

// newFields are a configuration's.
func newFields(c *config.Config) fields {
	f := fields{passed: []string{"cookie"}} // of a page, for whoever it took us for
	for _, name := range c.ClientFields.Deny {
		f.passed = append(f.passed, strings.ToLower(name))
	}
	for _, u := range c.Upstreams {
		if name := strings.ToLower(u.SessionHeader); name != "" && !slices.Contains(f.passed, name) {
			f.passed = append(f.passed, name) // only ours goes up
		}
	}
	f.passed = slices.Clip(f.passed)
	f.edited = slices.Clip(append(append(f.passed, access.ClientFields...), access.HintFields...))
	f.translated = slices.Clip(append(f.edited, access.AgentFields...))
	return f
}

// below are those of a route's requests, and the beginnings of further names.
func (f *fields) below(r *route) (names, prefixes []string) {
	switch {
	case r.kind == passRoute:
		return f.passed, nil
	case r.translator != nil:
		return f.translated, access.ClientPrefixes
	}
	return f.edited, access.ClientPrefixes
}
