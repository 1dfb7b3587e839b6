package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// origin is what a request goes on from, and what is kept of it.
type origin struct {
	// previous and conversation are ids as literals, nil where they are absent.
	previous, conversation []byte
	// stores: the edge keeps responses unless the request says store: false.
	stores bool
	// gathered counts the items that are complete.
	gathered int
}

func notFound(id []byte, why string) *hub.Problem {
	p := hub.Refuse("previous_response_not_found", "previous_response_id", "Previous response with id "+hub.Quoted(jsonedit.Text(id))+" not found: "+why)
	p.Reason = p.Code
	return p
}

// toBinary ends the messages of an edge without state.
const toBinary = "this edge keeps no state. Route /v1/responses to the qwenvoy binary for it"

// state reads what the request goes on from.
func (r *translation) state() *hub.Problem {
	t := r.turn
	for _, key := range switches {
		if v := r.raw(key); v != nil && v[0] != 't' && v[0] != 'f' {
			return hub.WrongType(keyNames[key], "true or false")
		}
	}
	t.Request.Streamed = r.kind == create && string(r.raw(keyStream)) == "true"
	previous, conversation := r.raw(keyPrevious), r.raw(keyConversation)
	if previous != nil && previous[0] != '"' {
		return hub.WrongType("previous_response_id", "a string")
	}
	if conversation != nil {
		id, p := r.conversationID(conversation)
		if p != nil {
			return p
		}
		conversation = id
	}
	if previous != nil && conversation != nil {
		return hub.Refuse("invalid_value", "previous_response_id",
			"previous_response_id and conversation can't be used together: one says that it goes on from a response, the other from all of a conversation.")
	}
	switch `""` {
	case string(previous):
		return notFound(previous, "the id is empty.")
	case string(conversation):
		return hub.WrongValue("conversation", "the id is empty.")
	}
	if !t.Edge.Keeps {
		switch {
		case previous != nil:
			return notFound(previous, toBinary+", or send the whole conversation as input.")
		case conversation != nil:
			return hub.UnsupportedParameter("conversation", ": "+toBinary+".")
		case r.inBackground():
			return hub.UnsupportedParameter("background", ": "+toBinary+".")
		}
	}
	r.origin.previous, r.origin.conversation = previous, conversation
	return nil
}

// inBackground tells whether the response was asked to be made while nobody waits.
func (r *translation) inBackground() bool {
	return r.kind == create && string(r.raw(keyBackground)) == "true"
}

// leave asks the edge whether a response may be created, and whether it is kept.
func (r *translation) leave() *hub.Problem {
	wish := hub.Unsaid
	switch string(r.raw(keyStore)) {
	case "true":
		wish = hub.Yes
	case "false":
		wish = hub.No
	}
	if !r.turn.Edge.Keeps || r.kind != create || r.inBackground() && wish == hub.No {
		return nil
	}
	need := hub.Need{Kind: hub.NeedLeave, Body: r.src, Store: wish, Background: r.inBackground(), Streamed: r.turn.Request.Streamed}
	r.ask(need, func(g hub.Given) *hub.Problem {
		r.origin.stores = g.Stores
		return nil
	})
	return nil
}

// background has a response that nobody waits for made from a stream, so that what has
// come of it can be told.
func (r *translation) background() *hub.Problem {
	if !r.inBackground() {
		return nil
	}
	if !r.stored() {
		return hub.Refuse("invalid_value", "store", "background needs a stored response: leave store out or set it to true.")
	}
	r.req.background, r.turn.Request.Streamed = true, true
	return nil
}

// goOn asks for the items before the request's input.
func (r *translation) goOn() *hub.Problem {
	if r.origin.previous == nil && r.origin.conversation == nil {
		return nil
	}
	need := hub.Need{Kind: hub.NeedContext}
	if v := r.origin.previous; v != nil {
		need.Previous = string(jsonedit.Text(v))
	} else {
		need.Conversation = string(jsonedit.Text(r.origin.conversation))
	}
	r.ask(need, func(g hub.Given) *hub.Problem {
		// A list of its own, since Scanner wants brackets.
		r.earlier = append(jsonedit.PutBytes(append(r.earlier[:0], '['), g.Items), ']')
		r.part.Reset(r.earlier)
		r.part.AnySteps()
		r.part.MendSurrogates()
		r.before, _ = r.scanItems(&r.part, r.earlier, "")
		if r.part.Finish() != nil || r.problem != nil {
			return hub.BadStore("the earlier conversation")
		}
		return nil
	})
	return nil
}

// conversationID reads `"conv_…"` or `{"id":"conv_…"}` and returns the literal.
func (r *translation) conversationID(raw []byte) ([]byte, *hub.Problem) {
	switch raw[0] {
	case '"':
		return raw, nil
	case '{':
		var id [1][]byte
		if r.part.Pick(raw, []string{"id"}, id[:]); !jsonedit.IsString(id[0]) {
			return nil, hub.Missing("conversation.id")
		}
		return id[0], nil
	}
	return nil, hub.WrongType("conversation", "a string or an object")
}

// stored tells whether the response is kept.
func (r *translation) stored() bool {
	return r.turn.Edge.Keeps && r.origin.stores && string(r.raw(keyStore)) != "false"
}

// fetch asks for the item that a reference names, and puts it in the reference's place.
func (r *translation) fetch(it *item) *hub.Problem {
	id := it.word(itemID)
	if len(id) == 0 {
		return hub.Missing(it.member(itemID))
	}
	if !r.turn.Edge.Keeps {
		return hub.WrongValue(it.member(itemID), "there is no stored item "+hub.Quoted(id)+": "+toBinary+".")
	}
	r.ask(hub.Need{Kind: hub.NeedItem, Item: string(id)}, func(g hub.Given) *hub.Problem {
		if len(g.Items) == 0 {
			return hub.WrongValue(it.member(itemID), "there is no stored item "+hub.Quoted(id)+".")
		}
		raw := g.Items
		r.part.Reset(raw)
		*it = item{src: raw, index: it.index, list: it.list}
		r.scanItem(&r.part, it)
		if r.part.Finish() != nil || raw[it.at.Start] != '{' || string(it.word(itemType)) == "item_reference" {
			return hub.BadStore("an earlier item")
		}
		r.origin.gathered++
		r.step-- // gather goes on behind it
		return r.open(it)
	})
	return nil
}
