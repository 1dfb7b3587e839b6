// Package responses is who asks for the state of the Responses API: it stands in front of the
// handler that serves single exchanges, gives each of them the keeper that it needs, and
// serves what is stored, conversations and WebSocket connections.
//
// Who lives here:
//
//	handler.go        the Handler: what is served where, and a create request
//	routes.go         requests for what is stored
//	stored.go         GET and DELETE of a response, its input items, cancel
//	follow.go         the events of a background response
//	conversations.go  /v1/conversations
//	sockets.go        WebSocket handshakes on /v1/responses
//	socket.go         a WebSocket connection: its messages, one turn after another
//	message.go        what a message says before the core reads it
//	frames.go         a turn's events as frames
//	refusals.go       what is wrong with a request, in sentences
//
// It may import shared/access, shared/hub, shared/jsonedit, shared/dialect/responses and, of
// this binary, keeper, logging, memory, server and store.
package responses
