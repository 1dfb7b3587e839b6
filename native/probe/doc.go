// Package probe asks the server behind the gateway what a user would otherwise find out by a
// failed request: whether it is there, takes the key, has the model, and was started with the
// flags that agents need. Each check asks one thing and gives one Finding with its cure; none
// shows a key.
//
//	finding.go  a Finding and its Status
//	server.go   the Server that is asked, and one question to it
//	place.go    where it is said to be, and what is spoken there
//	quotes.go   what it says, as a Finding may show it
//	reach.go    whether it answers, and why it does not: name, connection, scheme, certificate
//	models.go   the key, the version, the model, its window
//	parsers.go  the parsers of thinking and of tool calls
//	state.go    what is known of it, by the checks and by what becomes of exchanges
//	prober.go   the Prober that asks in the background until all is well, and logs what is not
//
// It imports shared/config, shared/redact and, of this binary, logging and upstream.
package probe
