// Package responses is the state of the Responses API in the binary: stored responses,
// background responses, conversations, and WebSocket connections. It stands in front of
// the handler that serves a single request and lets that one do the translating: each
// turn, also of a socket or in the background, is a POST /v1/responses to it.
//
// Who lives here:
//
//	handler.go        routes, and what a request is refused for
//	body.go           a request's body, kept while the handler behind reads it
//	facts.go          what of a message must be known before the core reads it; JSON by members
//	turn.go           one create: its hub.Memory, and what is stored of it
//	events.go         a stream of the core cut into its events
//	tap.go            a reply on its way to the client, whose last state is stored first
//	stored.go         GET and DELETE of a response, its input items, cancel
//	background.go     responses that go on without their client, and their event logs
//	conversations.go  /v1/conversations
//	socket.go         WebSocket on /v1/responses
//	items.go          lists of items, split and paged
//
// It may import shared/access, shared/config, shared/hub, shared/jsonedit,
// shared/dialect/responses and, of this binary, logging, server and store.
package responses
