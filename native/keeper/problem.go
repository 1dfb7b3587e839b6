package keeper

import (
	"context"
	"errors"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// Problem puts an error of the store into words. what names the thing that was looked for
// and param the part of the request that names it.
func (a *Archive) Problem(err error, what, param, id string) *hub.Problem {
	id = hub.Excerpt(id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &hub.Problem{Status: 404, Type: hub.TypeInvalidRequest, Param: param, Reason: "not_found",
			Message: what + " with id '" + id + "' not found."}
	case errors.Is(err, store.ErrUnavailable):
		a.health.lost()
		return storeGone()
	case errors.Is(err, memory.ErrFull):
		return noMemory()
	case errors.Is(err, store.ErrTooLarge):
		return &hub.Problem{Status: 413, Type: hub.TypeInvalidRequest, Reason: "too_large_to_store",
			Message: what + " '" + id + "' can't be stored: " + err.Error() + "."}
	case errors.Is(err, store.ErrConflict):
		return &hub.Problem{Status: 409, Type: hub.TypeInvalidRequest, Param: param, Reason: "conflict",
			Message: what + " '" + id + "' was changed or is taken: " + err.Error() + "."}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return hub.FaultProblem(hub.ShuttingDown, 0)
	}
	a.log.Error("the store failed", "error", err)
	return &hub.Problem{Status: 500, Type: hub.TypeServer, Reason: "store",
		Message: "The store of responses failed; the gateway's log says more."}
}

// noMemory is the answer where all exchanges together hold as much as they may.
func noMemory() *hub.Problem { return hub.FaultProblem(hub.NoMemory, 0) }

// storeGone is the answer where state is needed and can't be had.
func storeGone() *hub.Problem {
	return &hub.Problem{Status: 503, Type: hub.TypeServer, Code: "store_unavailable", Reason: "store_unavailable",
		Header: [][2]string{{"retry-after", "1"}},
		Message: "The store of responses can't be reached, and this request needs it. Requests that need no state " +
			"(store: false, without previous_response_id, conversation or background) are served."}
}

func unknownPrevious(id, why string) *hub.Problem {
	if why != "" {
		why = " " + why
	}
	return &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Param: "previous_response_id",
		Code: "previous_response_not_found", Reason: "previous_response_not_found",
		Message: "Previous response with id '" + hub.Excerpt(id) + "' not found." + why}
}

func tooLong(param string) *hub.Problem {
	return &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Param: param, Code: "context_length_exceeded", Reason: "context_too_large",
		Message: "The context that is stored before this request is larger than a request may be (limits.body)."}
}

// NoConversations is the answer where nothing is kept: a conversation would never grow.
func NoConversations(param string) *hub.Problem {
	return notOffered(param, "Conversations")
}

func notOffered(param, what string) *hub.Problem {
	return hub.Refuse("unsupported_parameter", param, what+" are not offered: storing of responses is switched off (responses.store).")
}

func tooManyJobs() *hub.Problem {
	return &hub.Problem{Status: 429, Type: "rate_limit_error", Code: "rate_limit_exceeded", Reason: "background_full",
		Header:  [][2]string{{"retry-after", "5"}},
		Message: "Too many background responses are running (responses.background_jobs): wait until one has finished."}
}

func conversationLocked(id string) *hub.Problem {
	return &hub.Problem{Status: 409, Type: hub.TypeInvalidRequest, Param: "conversation",
		Code: "conversation_locked", Reason: "conversation_locked", Header: [][2]string{{"retry-after", "1"}},
		Message: "Another response of conversation '" + hub.Excerpt(id) + "' is running: wait until it has finished."}
}

func stillInProgress(previous string) *hub.Problem {
	return &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Param: "previous_response_id", Reason: "in_progress",
		Message: "Previous response '" + hub.Excerpt(previous) + "' is still in progress: wait until it has finished."}
}
