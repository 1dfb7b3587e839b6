package server

import (
	"context"
	"net/http"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Keeper is the state behind one exchange: it gives what the core needs of earlier ones,
// and keeps what comes of this one. Its methods are called one after another.
type Keeper interface {
	// Credential says whose request it is: read before, to find what is kept.
	Credential() access.Credential
	// Give gives what the core needs. It may wait, but not for long once ctx has ended:
	// nobody waits for the exchange any more then.
	Give(ctx context.Context, n *hub.Need) hub.Given
	// Detached is asked once a response was started (hub.NeedStart): the exchange goes on
	// under the context that it returns and without its client, who is not answered by
	// it. Nil: with its client.
	Detached() context.Context
	// Over is told last, and how the exchange has ended.
	Over(o Outcome)
}

// An Outcome is how an exchange has ended for whom it was.
type Outcome struct {
	// Status is that of the reply, 0 where none was begun.
	Status int
	// Streamed: the reply is a stream of events, which has begun.
	Streamed bool
	// Problem is what was told in place of the reply, or at the end of its stream; nil for
	// nothing. RetryAfter is the header field of that name beside it.
	Problem    *hub.Problem
	RetryAfter string
}

// credential says whose request it is, read here unless k has it read.
func credential(r *http.Request, k Keeper) access.Credential {
	if k != nil {
		return k.Credential()
	}
	return CredentialOf(r)
}
