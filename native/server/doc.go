// Package server is the binary's HTTP edge: it puts net/http around the core's
// Exchange, passes what the core leaves alone through a reverse proxy, and keeps
// the promises that only an edge can keep (limits, timeouts, cancellation, drain,
// one log line per request).
//
//	handler.go   the Handler: configuration in force (state.go), what runs, one request
//	call.go      an exchange on its way: from its client through the core and up
//	steps.go     what the core needs on that way, some of it of its keeper (keeper.go)
//	holding.go   what an exchange holds of the memory of all
//	limits.go    how large a body may be, and all of them together
//	decode.go    a request's body without its content-encoding
//	whole.go     its reply in one piece, or as it is
//	stream.go    its reply event by event, with heartbeat.go
//	client.go    whom it is for: the client of an HTTP request, body.go its body's deadlines
//	message.go   the same for what is no request of HTTP, and for what goes on without its client
//	attempts.go  which of its targets answers, each a backend (backend.go)
//	leg.go       the request to the upstream and its reply, with stall.go
//	root.go      the page at the root, for browsers
//	pass.go      what passes through the reverse proxy
//	telemetry.go what agents say of themselves, where a collector takes it
//	observer.go  what became of each exchange: the line in the log
//	refusal.go   what an upstream says when it refuses, as a warning
//	log.go       heads and bodies at the COMPLETE level
//	readiness.go what load balancers are told
//	inflight.go  what is under way
//	ids.go       what a request is called in the log
//	buffers.go   pooled bytes, by size
//	http.go      http.Server, its connections (conn.go), and the drain
//
// It may import shared/gateway, shared/hub, shared/gunzip, shared/config, shared/access,
// shared/catalog and, of this binary, clients, logging, memory, page, probe and upstream.
package server
