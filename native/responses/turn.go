package responses

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A turn is one create request. It is the hub.Memory of its exchange, and knows what is
// to be stored of it in the end. The core asks it from one goroutine.
type turn struct {
	caller
	h   *Handler
	ctx context.Context
	// asked is what a socket's message says of itself, or that of a job.
	asked facts
	// question: nothing comes of it but an answer (input_tokens, compact).
	question bool
	// body is the request's, as it came: encoding is its content-encoding.
	body     *recorder
	encoding string
	// job runs the turn in the background, nil elsewhere. deferred: the turn asked for
	// one, so it is begun again there.
	job      *job
	deferred bool
	// cache is what a socket remembers of its last response, nil elsewhere.
	cache *continuation

	// previous and the conversation are what the new response builds on in the store;
	// context are the items before its input.
	previous        string
	inConversation  string
	conversationEnd uint64
	context         []store.Item
	// unstored: the context is not in the store, so it is stored as the response's own.
	unstored bool
	// unlock gives the conversation back, nil where none is held; owner holds its lock then.
	unlock func()
	owner  string

	// forgotten: nothing of the response is kept anywhere.
	forgotten bool

	own []store.Item // the input as items, once asked for
}

// Give implements server.Memory.
func (t *turn) Give(n *hub.Need) (g hub.Given) {
	switch n.Kind {
	case hub.NeedLeave:
		g.Problem, g.Stores = t.Admit(n.Store, n.Background), t.Stores()
	case hub.NeedContext:
		g.Items, g.Problem = t.Context(n.Previous, n.Conversation)
	case hub.NeedItem:
		g.Items, g.Problem = t.Item(n.Item)
	case hub.NeedStart:
		t.Started(n.Object, n.Header)
	case hub.NeedKeep:
		g.Stored = n.Response.Stored // the tap keeps it
	}
	return g
}

// Stores: responses are kept unless the request says store: false.
func (t *turn) Stores() bool { return t.h.config.Load().Responses.Store && !t.h.down.Load() }

// Admit says whether a response may be created.
func (t *turn) Admit(wish hub.Wish, background bool) *hub.Problem {
	if wish == hub.No && t.cache == nil && !background {
		t.body.free() // nothing of it will be kept, and a stream may take long
		t.forgotten = t.job == nil
	}
	if !t.h.config.Load().Responses.Store {
		if background {
			return &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Param: "background", Code: "unsupported_parameter", Reason: "invalid_request",
				Message: "Background responses are not offered: storing of responses is switched off (responses.store)."}
		}
		return nil // the object says that nothing is kept
	}
	if wish == hub.Yes && !t.h.down.Load() {
		// Nothing else may ask the store before the answer is there.
		if _, _, err := t.h.store.Get(t.ctx, t.tenant, "probe"); errors.Is(err, store.ErrUnavailable) {
			t.h.unavailable()
		}
	}
	if (wish == hub.Yes || background) && t.h.down.Load() {
		return storeGone()
	}
	if background && t.job == nil {
		t.deferred = true
		return &hub.Problem{Status: http.StatusAccepted, Reason: "background"} // nobody sees it
	}
	return nil
}

// Context is the items before the input.
func (t *turn) Context(previous, conversation string) ([]byte, *hub.Problem) {
	if p := t.load(previous, conversation); p != nil {
		return nil, p
	}
	return joinItems(make([]byte, 0, size(t.context)+len(t.context)), t.context), nil
}

// Started is told the first state of a background response.
func (t *turn) Started(object []byte, header [][2]string) {
	if t.job != nil {
		t.job.startWith(object, header)
	}
}

func (t *turn) load(previous, conversation string) *hub.Problem {
	limit, _ := t.h.limits()
	if conversation != "" {
		return t.loadConversation(conversation, limit)
	}
	if c := t.cache; c != nil && c.id == previous {
		t.context, t.unstored = c.items, !c.stored
		if c.stored {
			t.previous = previous
		}
		return nil
	}
	if t.cache != nil && (t.asked.unstored || !t.h.config.Load().Responses.Store) {
		return unknownPrevious(previous, "It is not the last response of this connection, and store is false.")
	}
	if t.h.down.Load() {
		return storeGone()
	}
	turns, err := t.h.store.Chain(t.ctx, t.tenant, previous, limit)
	switch {
	case errors.Is(err, store.ErrChainBroken):
		return unknownPrevious(previous, "A response that it continues was deleted or is too old.")
	case errors.Is(err, store.ErrNotFound):
		return unknownPrevious(previous, "")
	case errors.Is(err, store.ErrInProgress):
		return &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Param: "previous_response_id", Reason: "in_progress",
			Message: "Previous response '" + hub.Excerpt(previous) + "' is still in progress: wait until it has finished."}
	case errors.Is(err, store.ErrTooLarge):
		return tooLong("previous_response_id")
	case err != nil:
		return t.h.problem(err, "Previous response", "previous_response_id", previous)
	}
	if s := turns[len(turns)-1].Status; s != store.Completed && s != store.Incomplete {
		return unknownPrevious(previous, "It has the status "+string(s)+", so it can't be continued.")
	}
	for i := range turns {
		t.context = append(append(t.context, turns[i].Input...), turns[i].Output...)
	}
	t.previous = previous
	return nil
}

func unknownPrevious(id, why string) *hub.Problem {
	if why != "" {
		why = " " + why
	}
	return &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Param: "previous_response_id", Code: "previous_response_not_found", Reason: "previous_response_not_found",
		Message: "Previous response with id '" + hub.Excerpt(id) + "' not found." + why}
}

func tooLong(param string) *hub.Problem {
	return &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Param: param, Code: "context_length_exceeded", Reason: "context_too_large",
		Message: "The context that is stored before this request is larger than a request may be (limits.body)."}
}

func (t *turn) loadConversation(id string, limit int) *hub.Problem {
	if !t.h.config.Load().Responses.Store {
		return noConversations("conversation")
	}
	if t.h.down.Load() {
		return storeGone()
	}
	if !t.question {
		if p := t.lock(id); p != nil {
			return p
		}
	}
	items, end, err := t.h.store.ConversationContext(t.ctx, t.tenant, id, limit)
	if errors.Is(err, store.ErrTooLarge) {
		return tooLong("conversation")
	}
	if err != nil {
		return t.h.problem(err, "Conversation", "conversation", id)
	}
	t.context, t.inConversation, t.conversationEnd = items, id, end
	return nil
}

// lock takes the right to run a response of the conversation, and keeps it.
func (t *turn) lock(id string) *hub.Problem {
	t.owner = newID("")
	l := store.Lease{Owner: t.owner, TTL: t.h.clock.lease}
	err := t.h.store.LockConversation(t.ctx, t.tenant, id, l)
	for end := time.Now().Add(t.h.clock.busy); errors.Is(err, store.ErrBusy) && time.Now().Before(end); {
		// A response that just ended is seen a moment before its lock is given back.
		select {
		case <-t.ctx.Done():
			return t.h.problem(t.ctx.Err(), "Conversation", "conversation", id)
		case <-time.After(t.h.clock.busy / 10):
		}
		err = t.h.store.LockConversation(t.ctx, t.tenant, id, l)
	}
	if errors.Is(err, store.ErrBusy) {
		return &hub.Problem{Status: 409, Type: hub.TypeInvalidRequest, Param: "conversation", Code: "conversation_locked", Reason: "conversation_locked", Header: [][2]string{{"retry-after", "1"}},
			Message: "Another response of conversation '" + hub.Excerpt(id) + "' is running: wait until it has finished."}
	}
	if err != nil {
		return t.h.problem(err, "Conversation", "conversation", id)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(t.h.clock.lease / 3):
				_ = t.h.store.LockConversation(context.WithoutCancel(t.ctx), t.tenant, id, l)
			}
		}
	}()
	t.unlock = func() {
		close(stop)
		<-stopped
		ctx, cancel := t.h.afterwards(t.ctx)
		defer cancel()
		_ = t.h.store.UnlockConversation(ctx, t.tenant, id, l.Owner) // else the lease lapses
	}
	return nil
}

// end gives back what the turn holds.
func (t *turn) end() {
	if t.unlock != nil {
		t.unlock()
		t.unlock = nil
	}
}

// afterwards is for what must be written even though the client has left.
func (h *Handler) afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
}

// lastWrite bounds a write to the store that nobody waits for any more.
const lastWrite = 15 * time.Second

// Item is a stored item.
func (t *turn) Item(id string) ([]byte, *hub.Problem) {
	lists := [][]store.Item{t.context}
	if t.cache != nil {
		lists = append(lists, t.cache.items)
	}
	for _, list := range lists {
		for i := range list {
			if list[i].ID == id {
				return list[i].JSON, nil
			}
		}
	}
	// The core gives an output item an id that names its response.
	response := responses.ResponseOf(id)
	if response == "" {
		return nil, nil
	}
	if t.h.down.Load() {
		return nil, storeGone()
	}
	// Also asked when the client has left and what it sent is stored.
	_, object, err := t.h.store.Get(context.WithoutCancel(t.ctx), t.tenant, response)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, t.h.problem(err, "Item", "", id)
	}
	f, _ := readFinal(object)
	for i := range f.output {
		if f.output[i].ID == id {
			return f.output[i].JSON, nil
		}
	}
	return nil, nil
}

// lookup is Item where a reference may stay what it is.
func (t *turn) lookup(id string) []byte {
	item, _ := t.Item(id)
	return item
}

// plain is the request's body without its content-encoding, as the core has read it.
func (t *turn) plain() []byte {
	if t.encoding == "" {
		return t.body.bytes
	}
	limit, _ := t.h.limits()
	plain, _ := decode(t.body.bytes, t.encoding, limit) // the core has done it before
	return plain
}

// ownInput is the request's input as items.
func (t *turn) ownInput() []store.Item {
	if t.own == nil {
		t.own = inputItems(t.plain(), t.lookup)
	}
	return t.own
}

// A final is a response's last state, as the core made it.
type final struct {
	id     string
	status store.Status
	stores bool   // it says that it is stored
	object []byte // JSON
	output []store.Item
}

// readFinal takes a response object apart. It copies it.
func readFinal(object []byte) (f final, ok bool) {
	f.object = bytes.Clone(object)
	var output []byte
	room := scanRooms.Get().(*scanRoom)
	defer room.free()
	s := &room.scanner
	s.Reset(f.object)
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "id":
			f.id = stringOf(s.Value().Of(f.object))
		case "status":
			f.status = store.Status(stringOf(s.Value().Of(f.object)))
		case "store":
			f.stores = s.Kind() == jsonedit.True
			s.Value()
		case "output":
			output = s.Value().Of(f.object)
		default:
			s.Value()
		}
	}
	if s.Finish() != nil || f.id == "" {
		return f, false
	}
	var err error
	f.output, err = splitItems(output)
	return f, err == nil
}

// cancelled makes a failed response one that the client has cancelled.
func (f *final) cancelled() {
	f.status = store.Cancelled
	f.object = changed(nil, f.object, change{"status", `"cancelled"`}, change{"error", "null"})
}

// response is what is stored of the turn.
func (t *turn) response(f *final) *store.Response {
	own := t.ownInput()
	if t.unstored {
		own = append(append([]store.Item(nil), t.context...), own...)
	}
	return &store.Response{
		Turn: store.Turn{
			Head:   store.Head{ID: f.id, Previous: t.previous, Conversation: t.inConversation, ConversationEnd: t.conversationEnd, Status: f.status},
			Input:  own,
			Output: f.output,
		},
		Object: f.object,
	}
}

// save stores a finished response. It has been told to the client by then, or will be,
// so a failure is logged, and said in its last state.
func (t *turn) save(f *final) (stored bool) {
	ctx, cancel := t.h.afterwards(t.ctx)
	defer cancel()
	if err := t.h.store.Put(ctx, t.tenant, t.response(f)); err != nil {
		if errors.Is(err, store.ErrUnavailable) {
			t.h.unavailable()
		}
		t.h.log.Warn("a response could not be stored", "response", f.id, "error", err.Error())
		return false
	}
	return true
}

// create serves POST /v1/responses.
func (h *Handler) create(w http.ResponseWriter, r *http.Request) {
	t := &turn{h: h, ctx: r.Context(), caller: callerOf(r), body: record(r), encoding: encodingOf(r)}
	defer t.body.free()
	defer t.end()
	tap := &tap{ResponseWriter: w, turn: t}
	own := r.WithContext(server.WithMemory(r.Context(), t))
	own.Body = t.body
	h.next.ServeHTTP(tap, own)
	if t.deferred {
		h.background(w, r, t.plain(), t.caller)
		return
	}
	tap.finish()
}
