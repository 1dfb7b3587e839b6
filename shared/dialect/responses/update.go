package responses

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// configure applies the configuration_update items of the whole conversation, in order: what
// the last one says of the effort and of the text's form counts before the request's own
// members, which clients leave as they were so that the prompt begins as before.
func (r *translation) configure() *hub.Problem {
	for _, l := range r.lists() {
		for i := l.Start; i < l.End; i++ {
			if it := &r.items[i]; it.updates() {
				if p := r.update(it); p != nil {
					return p
				}
			}
		}
	}
	if r.passedField(hub.PassedFormat) != nil { // the client's own words for a server's form
		r.format.kind = plainText
	}
	r.turn.Request.PreserveThinking = r.reasoning.preserve()
	return nil
}

func (it *item) updates() bool { return string(it.text(itemType)) == "configuration_update" }

// update reads one configuration_update.
func (r *translation) update(it *item) *hub.Problem {
	var next reasoning
	if p := next.read(&r.small, it.raw(itemReasoning), nil); p != nil {
		return within(p, it)
	}
	if next.effort != nil {
		r.reasoning.effort = next.effort
	}
	var form format
	if p := form.read(&r.small, it.raw(itemWords)); p != nil {
		return within(p, it)
	}
	if form.object != nil {
		form.verbosity = r.format.verbosity
		r.format = form
	}
	return nil
}

// within has a problem of a member say that it is an item's.
func within(p *hub.Problem, it *item) *hub.Problem {
	at := it.path("." + p.Param)
	p.Message = strings.Replace(p.Message, "'"+p.Param+"'", "'"+at+"'", 1)
	p.Param = at
	return p
}
