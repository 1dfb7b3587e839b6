package keeper

import (
	"context"
	"sync"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Keeper is the keeper of one exchange: what a create request, or a question about one,
// needs of what is kept, and what is kept of it.
type Keeper struct {
	archive    *Archive
	credential access.Credential
	tenant     string
	// question: nothing comes of it but an answer (input_tokens, compact).
	question bool

	// last is a socket's last response, nil elsewhere, and next the one that comes of this turn.
	last, next *Continuation
	// job runs the turn in the background, nil elsewhere.
	job *job

	wish hub.Wish // of store
	// body is the request's, where something will be kept of it, and own its input as items
	// once they are needed.
	body *body
	own  []store.Item
	// referred are the items that the input refers to, found by resolver or atHand, which are
	// those of the context by their ids.
	referred, atHand map[string][]byte
	resolver         *Resolver

	// memory is what the turn holds of the memory of all; given are the bytes of the last
	// context that was given to the core.
	memory memory.Share
	given  int

	before origin
	lock   *conversationLock // nil where none is held
}

// A Continuation is a response that can be gone on from whether it is stored or not.
type Continuation struct {
	ID     string
	Items  []store.Item // its whole context: what it continued, its input and its output
	Stored bool
}

// NewKeeper makes the keeper of a create request.
func (a *Archive) NewKeeper(c access.Credential) *Keeper {
	t := &Keeper{archive: a, credential: c, tenant: c.Tenant()}
	t.memory.Begin(a.memory)
	return t
}

// NewQuestion makes the keeper of a request that asks about a create request.
func (a *Archive) NewQuestion(c access.Credential) *Keeper {
	t := a.NewKeeper(c)
	t.question = true
	return t
}

// GoOnFrom says what the turn may go on from beside what is stored, and has it remember what
// comes of it likewise (Next).
func (t *Keeper) GoOnFrom(last *Continuation) { t.last = last }

// Next is what can be gone on from, nil where the turn has come to no good end.
func (t *Keeper) Next() *Continuation { return t.next }

// Credential implements server.Keeper.
func (t *Keeper) Credential() access.Credential { return t.credential }

// Give implements server.Keeper.
func (t *Keeper) Give(ctx context.Context, n *hub.Need) (g hub.Given) {
	t.memory.Shrink(t.given)
	t.given = 0
	switch n.Kind {
	case hub.NeedLeave:
		if g.Problem = t.leave(ctx, n); g.Problem == nil {
			g.Stores = t.archive.stores()
			g.Problem = t.remember(n, g.Stores)
			if t.job != nil {
				g.Told = t.job.tell
			}
		}
	case hub.NeedContext:
		g.Items, g.Problem = t.context(ctx, n)
	case hub.NeedItem:
		g.Items, g.Problem = t.item(ctx, n.Item)
	case hub.NeedStart:
		g.Problem = t.start(ctx, n)
	case hub.NeedKeep:
		g.Stored = t.keep(ctx, n)
	}
	return g
}

// Detached implements server.Keeper.
func (t *Keeper) Detached() context.Context {
	if t.job == nil {
		return nil
	}
	return t.job.ctx
}

// Background is the response that was started in the background, nil for none.
func (t *Keeper) Background() *Started {
	if t.job == nil || t.job.ID == "" {
		return nil
	}
	return &t.job.Started
}

// Over implements server.Keeper.
func (t *Keeper) Over(o server.Outcome) {
	if t.job == nil {
		t.end()
		return
	}
	t.job.over(o)
}

// end gives back what the turn holds.
func (t *Keeper) end() {
	if t.lock != nil {
		t.lock.release()
		t.lock = nil
	}
	t.body.free()
	t.body = nil
	t.memory.Release()
}

// leave says whether a response may be created.
func (t *Keeper) leave(ctx context.Context, n *hub.Need) *hub.Problem {
	a := t.archive
	t.wish = n.Store
	if !a.Config().Responses.Store {
		if n.Background {
			return notOffered("background", "Background responses")
		}
		return nil // the object says that nothing is kept
	}
	if n.Store == hub.Yes && !a.health.down() {
		a.health.ask(ctx, t.tenant) // nothing else may before the answer is there
	}
	if (n.Store == hub.Yes || n.Background) && a.health.down() {
		return storeGone()
	}
	if n.Background {
		if t.job = a.newJob(t, n.Streamed); t.job == nil {
			return tooManyJobs()
		}
	}
	return nil
}

// remember keeps the request's body where its input will be needed.
func (t *Keeper) remember(n *hub.Need, stores bool) *hub.Problem {
	if t.last == nil && (!stores || n.Store == hub.No) {
		return nil
	}
	if !t.memory.Grow(len(n.Body)) {
		return noMemory()
	}
	t.body = newBody(n.Body)
	return nil
}

// bodies are buffers for copies of bodies; a very large one is left to the collector.
var bodies = sync.Pool{New: func() any { return new(body) }}

const keptBody = 1 << 20

// A body is a copy of a request's, in a buffer of a pool.
type body struct{ bytes []byte }

func newBody(of []byte) *body {
	b := bodies.Get().(*body)
	b.bytes = append(b.bytes[:0], of...)
	return b
}

func (b *body) free() {
	if b != nil && cap(b.bytes) <= keptBody {
		bodies.Put(b)
	}
}

// ownInput is the request's input as items, copied. They count as much as the body, which they
// take the place of.
func (t *Keeper) ownInput() []store.Item {
	if t.body != nil {
		t.memory.Add(len(t.body.bytes))
		t.own = InputItems(t.body.bytes, func(id string) []byte { return t.referred[id] })
		t.memory.Shrink(len(t.body.bytes))
		t.body.free()
		t.body = nil
	}
	return t.own
}

// item is the stored item that a reference names, empty for one that is not there.
func (t *Keeper) item(ctx context.Context, id string) (json []byte, p *hub.Problem) {
	if t.resolver == nil {
		t.resolver = t.archive.NewResolver(t.tenant, &t.memory)
		t.referred = map[string][]byte{}
		lists := [][]store.Item{t.before.items}
		if t.last != nil {
			lists = append(lists, t.last.Items)
		}
		t.atHand = map[string][]byte{}
		for _, list := range lists {
			for i := range list {
				t.atHand[list[i].ID] = list[i].JSON
			}
		}
	}
	if json = t.atHand[id]; json != nil {
		json, p = t.resolver.resolved(json)
	} else {
		json, p = t.resolver.Item(ctx, id)
	}
	if json != nil {
		t.referred[id] = json
	}
	return json, p
}

var _ server.Keeper = (*Keeper)(nil) // interface guard
