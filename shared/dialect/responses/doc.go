// Package responses is OpenAI's Responses API: requests become Chat Completions
// requests, replies and streams become response objects and response.* events. Two of
// its routes ask other questions: compact, and input_tokens.
//
// The API as OpenAI documents it (openai-openapi) and as the Open Responses
// specification narrows it down; where they differ, RATIONALE.md says what is done.
//
//	responses.go    the routes, and what a reply knows of its request
//	ids.go          ids of responses and of their items
//
// A request:
//
//	translation.go  the steps from a request to a chat request, in their order
//	state.go        the steps that ask the edge: leave, the earlier conversation, items
//	reader.go       who reads: a pass over the body that notes where things stand; members.go
//	                and items.go say what of, scalars.go what is wrong with simple members
//	reasoning.go, text.go  the thinking switch, the form of the text
//	repeated.go     items that stand twice
//	update.go       items that change the effort and the text's form from there on
//	conversation.go who orders the history: messages, calls.go for calls and their results,
//	                content.go for the parts of each, compact.go for summaries, other.go for
//	                items that nobody knows, opener.go for what is sealed
//	chat.go         who writes the chat request
//	echo.go         what the response object repeats of the request
//	stored.go       items as an edge keeps them
//	toolset         the tools, a package of its own
//
// A reply:
//
//	reply.go        where replies, streams and counts come in
//	writer.go       the events of a response and its end
//	output.go       an output item, action.go that of a call without text, custominput.go the
//	                text of a custom tool's call, pair.go that of one called like a command,
//	                blob.go what only we can read
//	object.go       the response object
//	problem.go      errors in OpenAI's words
//
// It imports its own toolset and access, catalog, editor, history, hub, jsonedit, parts and refusal.
package responses
