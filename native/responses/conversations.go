package responses

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// How many items a request may add, and what metadata may hold, as OpenAI has it.
const (
	itemsAtOnce   = 20
	metadataPairs = 16
	metadataKey   = 64
	metadataValue = 512
)

// body reads the request's body, a JSON object.
func (q *request) body() ([]byte, *hub.Problem) {
	limit, _ := q.archive.Limits()
	b, f := q.observed.Body(q.Request, limit, &q.memory)
	if f != hub.NoFault {
		return nil, hub.FaultProblem(f, limit)
	}
	if len(b) == 0 {
		return []byte("{}"), nil
	}
	var s jsonedit.Scanner
	s.Reset(b)
	s.FromClient() // the conversation outlives this process, and each later turn is asked with it
	for s.BeginObject(); s.NextMember(); {
		s.Value()
	}
	if err := s.Finish(); err != nil {
		return nil, hub.BadRequest("", "The request body is not a JSON object: %s.", err.Error())
	}
	return b, nil
}

// metadata is the body's, as JSON; nil where it has none.
func metadata(body []byte) ([]byte, *hub.Problem) {
	m := keeper.Member(body, "metadata")
	if len(m) == 0 || string(m) == "null" {
		return nil, nil
	}
	if m[0] != '{' {
		return nil, hub.Refuse("invalid_type", "metadata", "metadata: an object of strings is wanted.")
	}
	var s jsonedit.Scanner
	s.Reset(m)
	pairs := 0
	for s.BeginObject(); s.NextMember(); {
		key := string(s.Key())
		v := s.Value()
		if v.Absent() {
			break
		}
		path := "metadata." + hub.Excerpt(key)
		switch value := v.Of(m); {
		case value[0] != '"':
			return nil, hub.Refuse("invalid_type", path, path+": a string is wanted.")
		case utf8.RuneCountInString(key) > metadataKey:
			return nil, invalid("metadata", "metadata: a key is longer than %d characters.", metadataKey)
		case len([]rune(keeper.Text(value))) > metadataValue:
			return nil, invalid(path, "%s: the value is longer than %d characters.", path, metadataValue)
		}
		if pairs++; pairs > metadataPairs {
			return nil, invalid("metadata", "metadata: more than %d pairs.", metadataPairs)
		}
	}
	return m, nil
}

// items are the body's, with ids, to be added to the conversation; "" for a new one.
func (q *request) items(body []byte, conversation string) ([]store.Item, *hub.Problem) {
	list := keeper.Member(body, "items")
	if len(list) == 0 || string(list) == "null" {
		if conversation != "" {
			return nil, hub.Refuse("missing_required_parameter", "items", "items: a list of items is required.")
		}
		return nil, nil
	}
	if list[0] != '[' {
		return nil, hub.Refuse("invalid_type", "items", "items: a list of items is wanted.")
	}
	var s jsonedit.Scanner
	s.Reset(list)
	given := 0
	for s.BeginArray(); s.NextElement(); given++ {
		s.Value()
	}
	if err := s.Finish(); err != nil {
		return nil, invalid("items", "items: %s.", err.Error())
	}
	if given > itemsAtOnce {
		return nil, invalid("items", "items: %d are not allowed here, %d at most are.", given, itemsAtOnce)
	}
	// What is noted while they are checked, a copy, the items, and what is stored.
	if !q.memory.Grow(min(hub.Working(list), q.memory.Room()/2) + 3*len(list)) {
		return nil, hub.FaultProblem(hub.NoMemory, 0)
	}
	orphan, p := responses.CheckItems(list, "items")
	if p != nil {
		return nil, p
	}
	resolver := q.archive.NewResolver(q.tenant, &q.memory)
	items := keeper.InputItems(append(append([]byte(`{"input":`), list...), '}'), func(id string) (item []byte) {
		if p == nil { // else the reference stays one
			item, p = resolver.Item(q.Context(), id)
		}
		return item
	})
	if p != nil && p.Status != http.StatusNotFound {
		return nil, p
	}
	if len(items) != given {
		return nil, invalid("items", "items: they are not what a request's input may hold.")
	}
	for i, item := range items {
		if keeper.Text(keeper.Member(item.JSON, "type")) == "item_reference" {
			return nil, invalid("items["+strconv.Itoa(i)+"].id", "items[%d].id: there is no stored item of this id.", i)
		}
	}
	// What CheckItems let pass under one id is one content.
	items = once(items)
	if orphan != nil {
		return items, q.orphan(conversation, items)
	}
	return items, nil
}

// once is a list without the items whose id stands before in it.
func once(items []store.Item) []store.Item {
	seen := make(map[string]bool, len(items))
	return slices.DeleteFunc(items, func(item store.Item) bool {
		before := seen[item.ID]
		seen[item.ID] = true
		return before
	})
}

// orphan is the problem of an output that would stand in the conversation without its
// call, as every later response of it would have it; nil if the call is there.
func (q *request) orphan(conversation string, items []store.Item) *hub.Problem {
	var before []store.Item
	if conversation != "" {
		limit, _ := q.archive.Limits()
		var err error
		before, _, err = q.store.ConversationContext(q.reads(), q.tenant, conversation, limit)
		if errors.Is(err, store.ErrTooLarge) {
			return nil // its responses are refused for that
		}
		if err != nil {
			return q.archive.Problem(err, "Conversation", "id", conversation)
		}
	}
	list := append(keeper.JoinItems([]byte{'['}, before, items), ']')
	orphan, p := responses.CheckItems(list, "items")
	if p != nil {
		return nil // it is of the items that are there, and a response is refused for it
	}
	return orphan
}

// createConversation serves POST /v1/conversations.
func (q *request) createConversation() *hub.Problem {
	if !q.archive.Config().Responses.Store {
		return keeper.NoConversations("")
	}
	body, p := q.body()
	if p != nil {
		return p
	}
	meta, p := metadata(body)
	if p != nil {
		return p
	}
	items, p := q.items(body, "")
	if p != nil {
		return p
	}
	c := &store.Conversation{ID: keeper.NewID("conv_")}
	c.Object = append([]byte(nil), `{"id":"`+c.ID+`","object":"conversation","created_at":`...)
	c.Object = strconv.AppendInt(c.Object, q.clock.now().Unix(), 10)
	c.Object = append(c.Object, `,"metadata":`...)
	if meta == nil {
		meta = []byte("{}")
	}
	c.Object = append(append(c.Object, meta...), '}')
	if err := q.store.CreateConversation(q.Context(), q.tenant, c, items); err != nil {
		return q.appendProblem(err, c.ID)
	}
	answer(q.w, http.StatusOK, c.Object)
	return nil
}

// getConversation serves GET /v1/conversations/{id}.
func (q *request) getConversation(id string) *hub.Problem {
	c, err := q.store.Conversation(q.Context(), q.tenant, id)
	if err != nil {
		return q.archive.Problem(err, "Conversation", "id", id)
	}
	answer(q.w, http.StatusOK, c.Object)
	return nil
}

// updateConversation serves POST /v1/conversations/{id}.
func (q *request) updateConversation(id string) *hub.Problem {
	body, p := q.body()
	if p != nil {
		return p
	}
	meta, p := metadata(body)
	if p != nil {
		return p
	}
	c, err := q.store.Conversation(q.Context(), q.tenant, id)
	if err == nil && meta != nil {
		c.Object = keeper.Changed(nil, c.Object, keeper.Change{Name: "metadata", Value: string(meta)})
		err = q.store.UpdateConversation(q.Context(), q.tenant, c)
	}
	if err != nil {
		return q.archive.Problem(err, "Conversation", "id", id)
	}
	answer(q.w, http.StatusOK, c.Object)
	return nil
}

// deleteConversation serves DELETE /v1/conversations/{id}.
func (q *request) deleteConversation(id string) *hub.Problem {
	if err := q.store.DeleteConversation(q.Context(), q.tenant, id); err != nil {
		return q.archive.Problem(err, "Conversation", "id", id)
	}
	answer(q.w, http.StatusOK, []byte(`{"id":`+keeper.Quoted(id)+`,"object":"conversation.deleted","deleted":true}`))
	return nil
}

// conversationItems serves GET /v1/conversations/{id}/items.
func (q *request) conversationItems(id string) *hub.Problem {
	page, p := q.page()
	if p != nil {
		return p
	}
	items, err := q.store.ConversationItems(q.reads(), q.tenant, id, page)
	if err != nil {
		return q.listProblem(err, "Conversation", id, "after", page.After)
	}
	answer(q.w, http.StatusOK, appendList(nil, items))
	return nil
}

// addItems serves POST /v1/conversations/{id}/items.
func (q *request) addItems(id string) *hub.Problem {
	if !q.archive.Config().Responses.Store {
		return keeper.NoConversations("")
	}
	body, p := q.body()
	if p != nil {
		return p
	}
	items, p := q.items(body, id)
	if p != nil {
		return p
	}
	err := q.store.AppendItems(q.Context(), q.tenant, id, items)
	if errors.Is(err, store.ErrConflict) {
		var added []store.Item
		if added, p = q.missing(id, items); p != nil {
			return p
		}
		err = nil
		if len(added) > 0 {
			err = q.store.AppendItems(q.Context(), q.tenant, id, added)
		}
	}
	if err != nil {
		return q.appendProblem(err, id)
	}
	answer(q.w, http.StatusOK, appendList(nil, store.Items{Items: items}))
	return nil
}

// missing are the items that are not in the conversation yet. Those that are, with the same
// content, were sent again, as a client does that has not seen the answer.
func (q *request) missing(conversation string, items []store.Item) ([]store.Item, *hub.Problem) {
	var added []store.Item
	for _, item := range items {
		there, err := q.store.ConversationItem(q.reads(), q.tenant, conversation, item.ID)
		if errors.Is(err, store.ErrNoItem) {
			added = append(added, item)
			continue
		}
		if err != nil {
			return nil, q.appendProblem(err, conversation)
		}
		both := slices.Concat([]byte("["), there.JSON, []byte(","), item.JSON, []byte("]"))
		if _, p := responses.CheckItems(both, "items"); p != nil {
			return nil, q.appendProblem(store.ErrConflict, conversation)
		}
	}
	return added, nil
}

func (q *request) appendProblem(err error, id string) *hub.Problem {
	if errors.Is(err, store.ErrConflict) {
		return invalid("items", "items: an item's id is in the conversation already, with another content.")
	}
	return q.archive.Problem(err, "Conversation", "id", id)
}

// getItem serves GET /v1/conversations/{id}/items/{item}.
func (q *request) getItem(id, item string) *hub.Problem {
	found, err := q.store.ConversationItem(q.reads(), q.tenant, id, item)
	if err != nil {
		return q.listProblem(err, "Conversation", id, "item_id", item)
	}
	answer(q.w, http.StatusOK, found.JSON)
	return nil
}

// deleteItem serves DELETE /v1/conversations/{id}/items/{item}; the answer is the
// conversation.
func (q *request) deleteItem(id, item string) *hub.Problem {
	if err := q.store.DeleteItem(q.Context(), q.tenant, id, item); err != nil {
		return q.listProblem(err, "Conversation", id, "item_id", item)
	}
	return q.getConversation(id)
}
