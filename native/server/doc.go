// Package server is the binary's HTTP edge: it puts net/http around the core's
// Exchange, passes what the core leaves alone through a reverse proxy, and keeps
// the promises that only an edge can keep (limits, timeouts, cancellation, drain,
// one log line per request).
//
// It may import shared/gateway, shared/hub, shared/config and, of this binary,
// logging and upstream.
package server
