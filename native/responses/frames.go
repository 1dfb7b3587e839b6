package responses

import (
	"bytes"
	"context"
	"net/http"

	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A socketTurn is a turn of a socket: each of its events is a frame.
type socketTurn struct {
	*keeper.Keeper
	socket *socket
	first  []byte // the first event's data
	sent   uint64 // events
	ended  bool   // the last one is sent
	gone   bool   // the client doesn't take frames
}

// Give implements server.Keeper.
func (t *socketTurn) Give(ctx context.Context, n *hub.Need) hub.Given {
	g := t.Keeper.Give(ctx, n)
	if n.Kind == hub.NeedLeave {
		g.Told = t.tell
	}
	return g
}

// tell sends an event.
func (t *socketTurn) tell(name, data []byte) {
	if t.gone {
		return
	}
	if t.first == nil {
		t.first = bytes.Clone(data)
	}
	t.sent++
	t.ended = keeper.Terminal(name)
	if t.socket.send(data) != nil {
		t.gone = true
		t.socket.cancel() // nobody waits for the rest
	}
}

// Over implements server.Keeper: it says what a reply that was no whole stream means.
func (t *socketTurn) Over(o server.Outcome) {
	t.Keeper.Over(o)
	s := t.socket
	switch {
	case s.ctx.Err() != nil && s.base.Err() == nil, t.gone, t.ended:
		return
	case t.first != nil:
		_ = s.send(keeper.Failed(t.first, t.sent))
		return
	}
	e := responses.Error{Status: o.Status, Type: hub.TypeServer, Message: "The gateway failed on this request; its log says more."}
	if o.Problem != nil {
		e = responses.Create.Error(o.Problem)
		e.Status = o.Status // which for an error of the upstream's is its own
	}
	if e.Status < 400 {
		e.Status = http.StatusInternalServerError
	}
	s.fail(&e, o.RetryAfter)
}
