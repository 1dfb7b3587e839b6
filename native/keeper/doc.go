// Package keeper is what the gateway keeps for the Responses API: stored and background
// responses, and the context that they leave to those after them. It stands behind one
// exchange as its server.Keeper: the core asks it for what it needs (hub.Need), and tells it
// what comes of a response where that is composed. Nothing of a request or a reply is read
// a second time here.
//
// Who lives here:
//
//	archive.go       the Archive: one store, the configuration in force, what runs beside requests
//	keeper.go        the Keeper, of one exchange: leave, items, the request's own input
//	resolver.go      stored items that a request refers to
//	origin.go        what it goes on from: an earlier response or a conversation
//	conversation.go  the lock of a conversation
//	final.go         a response's last state, and what is stored of it
//	job.go           a background response: what is told of it, brought into the store
//	event.go         an event as it is stored
//	lapsed.go        background responses whose process died
//	health.go        whether the store is available
//	problem.go       what a request is refused for
//	items.go         lists of items
//	members.go       JSON objects by their members
//
// It may import shared/access, shared/config, shared/hub, shared/jsonedit,
// shared/dialect/responses and, of this binary, memory, server and store.
package keeper
