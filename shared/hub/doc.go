// Package hub is the Chat Completions form that every dialect is translated into and
// out of: the facts of a turn, the view of what the server said, and the words for what
// went wrong.
//
//	turn.go      what the stages of one exchange know of it, apart by who writes it
//	settings.go  what the configuration says to them
//	effort.go    how much to think, as clients say it
//	changes.go   names of what was changed on the way
//	need.go      what the edge has to give before the core can go on
//	passed.go    fields of chat requests that other dialects pass on
//	dialect.go   what a client API has to be
//	resolve.go   a client's model name becomes a virtual model
//	view.go      where things stand in a reply
//	chunks.go    what an event of an upstream's stream is
//	calls.go     the tool calls that it has begun, arguments.go where their arguments end
//	reply.go     errors in place of a reply, and what its finish_reason means
//	problem.go   errors before a dialect has put them into its shape
//	refusal.go   those of a request, in OpenAI's words
//	answer.go    replies of our own, and the faults of edges
//	header.go    changes of a message's header
//	names.go     words of a request that a reply's header lists
//	working.go   the memory that it takes to turn a request
//
// What two dialects need stands here, in editor or in history, since dialects never
// import each other. It imports access, catalog and jsonedit.
package hub
