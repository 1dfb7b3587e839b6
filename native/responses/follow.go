package responses

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// resume serves GET /v1/responses/{id}?stream=true.
func (q *request) resume(id string) *hub.Problem {
	var from uint64
	if v := q.query.Get("starting_after"); v != "" {
		n, err := strconv.ParseUint(v, 10, 63)
		if err != nil {
			return invalid("starting_after", "starting_after: %s is not allowed here, an event's sequence_number is.",
				strconv.Quote(hub.Excerpt(v)))
		}
		from = n + 1
	}
	head, _, err := q.store.Get(q.reads(), q.tenant, id)
	if err != nil {
		return q.archive.Problem(err, "Response", "id", id)
	}
	if !head.Logged {
		return eventsNotKept(id)
	}
	q.memory.Release() // the object's
	return q.follow(id, from)
}

// follow sends a response's events from number from on, to the last. The reply's head
// goes out with the first of them, or with a sign of life.
func (q *request) follow(id string, from uint64) *hub.Problem {
	flush := http.NewResponseController(q.w)
	begun := false
	begin := func() {
		if begun {
			return
		}
		begun = true
		header := q.w.Header()
		header.Set("Content-Type", "text/event-stream; charset=utf-8")
		header.Set("Cache-Control", "no-cache")
		header.Set("X-Accel-Buffering", "no")
		q.w.WriteHeader(http.StatusOK)
	}
	for {
		ctx, cancel := context.WithTimeout(q.reads(), q.clock.keepAlive)
		events, end, err := q.store.Events(ctx, q.tenant, id, from, keeper.EventsAtOnce)
		cancel()
		quiet := errors.Is(err, context.DeadlineExceeded) && q.Context().Err() == nil
		if err != nil && !quiet {
			if begun {
				return nil // cut: the client resumes from what it has
			}
			return q.archive.Problem(err, "Response", "id", id)
		}
		begin()
		if quiet {
			_, err = q.w.Write([]byte(": keep-alive\n\n"))
		} else {
			_, err = q.w.Write(bytes.Join(events, nil))
			from += uint64(len(events))
			q.memory.Release() // they are read by piece
		}
		if err != nil {
			return nil // the client has left
		}
		if end && q.archive.Config().Responses.DoneMarker {
			_, _ = q.w.Write([]byte("data: [DONE]\n\n"))
		}
		_ = flush.Flush()
		if end {
			return nil
		}
	}
}
