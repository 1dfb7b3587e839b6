package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// origin is what a request goes on from, and what is kept of it.
type origin struct {
	// previous and conversation are ids as literals, nil where they are absent.
	previous, conversation []byte
	// background: the response was asked to be made while nobody waits. store is what the
	// request says of keeping it.
	background bool
	store      hub.Wish
	// stores: the edge keeps responses unless the request says store: false.
	stores bool
	// gathered counts the items that are complete.
	gathered int
}

// stored tells whether the response is kept.
func (o *origin) stored() bool { return o.stores && o.store != hub.No }

func notFound(id []byte, why string) *hub.Problem {
	p := hub.Refuse("previous_response_not_found", "previous_response_id",
		"Previous response with id "+hub.Quoted(jsonedit.Text(id))+" not found: "+why)
	p.Reason = p.Code
	return p
}

// toBinary ends the messages of an edge without state.
const toBinary = "this edge keeps no state. Route /v1/responses to the qwenvoy binary for it"

// state reads what the request goes on from.
func (r *translation) state() *hub.Problem {
	t := r.turn
	for _, key := range switches {
		if v := r.raw(key); v != nil && !jsonedit.IsBool(v) {
			return hub.WrongType(keyNames[key], "true or false")
		}
	}
	t.Request.Streamed = r.kind == create && r.is(keyStream, "true")
	r.origin.background = r.kind == create && r.is(keyBackground, "true")
	switch {
	case r.is(keyStore, "true"):
		r.origin.store = hub.Yes
	case r.is(keyStore, "false"):
		r.origin.store = hub.No
	}
	previous, conversation := r.raw(keyPrevious), r.raw(keyConversation)
	if previous != nil && previous[0] != '"' {
		return hub.WrongType("previous_response_id", "a string")
	}
	if conversation != nil {
		id, p := conversationID(&r.small, conversation)
		if p != nil {
			return p
		}
		conversation = id
	}
	if previous != nil && conversation != nil {
		return hub.Refuse("invalid_value", "previous_response_id",
			"previous_response_id and conversation can't be used together: one says that it goes on from a response, "+
				"the other from all of a conversation.")
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
		case r.origin.background:
			return hub.UnsupportedParameter("background", ": "+toBinary+".")
		}
	}
	r.origin.previous, r.origin.conversation = previous, conversation
	return nil
}

// leave asks the edge whether a response may be created, and whether it is kept.
func (r *translation) leave() *hub.Problem {
	o := &r.origin
	if !r.turn.Edge.Keeps || r.kind != create || o.background && o.store == hub.No {
		return nil
	}
	need := hub.Need{Kind: hub.NeedLeave, Body: r.src, Store: o.store, Background: o.background, Streamed: r.turn.Request.Streamed}
	r.ask(need, func(g hub.Given) *hub.Problem {
		r.origin.stores, r.turn.Request.Told = g.Stores, g.Told
		return nil
	})
	return nil
}

// background has a response that nobody waits for made from a stream, so that what has
// come of it can be told.
func (r *translation) background() *hub.Problem {
	if !r.origin.background {
		return nil
	}
	if !r.origin.stored() {
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
		r.earlierText = append(jsonedit.PutBytes(append(r.earlierText[:0], '['), g.Items), ']')
		r.small.Reset(r.earlierText)
		r.small.AnySteps()
		r.small.MendSurrogates()
		r.earlier, _ = r.scanItems(&r.small, r.earlierText, "")
		if r.small.Finish() != nil || r.fault != nil {
			return hub.BadStore("the earlier conversation")
		}
		return nil
	})
	return nil
}

// conversationID reads `"conv_…"` or `{"id":"conv_…"}` and returns the literal.
func conversationID(s *jsonedit.Scanner, raw []byte) ([]byte, *hub.Problem) {
	switch raw[0] {
	case '"':
		return raw, nil
	case '{':
		var id [1][]byte
		if s.Pick(raw, []string{"id"}, id[:]); !jsonedit.IsString(id[0]) {
			return nil, hub.Missing("conversation.id")
		}
		return id[0], nil
	}
	return nil, hub.WrongType("conversation", "a string or an object")
}

// gather makes the list of items complete: what is referred to is fetched, summaries
// are opened. It also says whether there is anything to answer, and whether the model
// is asked for a summary.
func (r *translation) gather() *hub.Problem {
	v := r.raw(keyInput)
	empty := jsonedit.Is(v, jsonedit.Array) && r.input.Len() == 0
	// Codex warms up with an empty list where its tools are an item too.
	if (v == nil || empty && !r.warmsUp()) && r.origin.previous == nil && r.origin.conversation == nil {
		return hub.Missing("input")
	}
	if p := r.checkLists(); p != nil {
		return p
	}
	n := 0
	for _, l := range r.lists() {
		for i := l.Start; i < l.End; i++ {
			if n++; n <= r.origin.gathered {
				continue
			}
			it := &r.items[i]
			if string(it.text(itemType)) == "compaction_trigger" && i == r.input.End-1 && i >= r.input.Start && r.kind != compact {
				r.compacting, r.req.compaction, r.req.blob = true, true, coveringBlob
			}
			if p := r.complete(it); p != nil || r.turn.Need() != nil {
				return p
			}
			r.origin.gathered = n
		}
	}
	if r.kind == compact {
		r.compacting, r.req.compaction, r.req.blob = true, true, keptBlob
	}
	if r.compacting {
		r.turn.Request.NoThinking = true
		r.req.logprobs = false
	}
	return nil
}

// complete fetches what an item refers to, or opens a summary.
func (r *translation) complete(it *item) *hub.Problem {
	kind, p := it.kindName()
	if p == nil {
		p = it.checkID()
	}
	switch {
	case p != nil:
		return p
	case string(kind) == "item_reference":
		return r.fetch(it)
	case string(kind) == "reasoning" && it.isBare() && len(it.text(itemID)) > 0 && r.turn.Edge.Keeps:
		r.recall(it)
		return nil
	}
	return r.conversation.openSummary(it)
}

// fetch asks for the item that a reference names, and puts it in the reference's place.
func (r *translation) fetch(it *item) *hub.Problem {
	id := it.text(itemID)
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
		found, ok := r.readStored(g.Items, it)
		if !ok || string(found.text(itemType)) == "item_reference" {
			return hub.BadStore("an earlier item")
		}
		*it = found
		r.origin.gathered++
		r.step-- // gather goes on behind it
		return r.conversation.openSummary(it)
	})
	return nil
}

// recall asks for the stored item of a reasoning item that brings nothing but its id. Where there
// is none it stays as it is, since thinking is only a help.
func (r *translation) recall(it *item) {
	r.turn.Ask(hub.Need{Kind: hub.NeedItem, Item: string(it.text(itemID))}, func(dst []byte, g hub.Given) ([]byte, *hub.Problem) {
		if found, ok := r.readStored(g.Items, it); ok && string(found.text(itemType)) == "reasoning" {
			*it = found
		}
		r.origin.gathered++
		r.step-- // gather goes on behind it
		return r.translate(dst)
	})
}
