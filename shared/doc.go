// Package shared names the rooms of the core; it holds no code itself.
//
// The core takes bytes and gives bytes. It opens no socket or file, starts no
// goroutine, waits for nothing, reads no clock, sets no timer and draws no random number,
// so that one code compiles into the binary and into a proxy-wasm module that Envoy 1.36
// loads.
//
//	gateway                    the front door: routes, and the Exchange that an edge walks through
//	dialect/chat               Chat Completions, and the routes that are a part of it
//	dialect/responses          OpenAI's Responses API
//	dialect/responses/toolset  the tools of a request to it: names, functions, the choice
//	dialect/messages           Anthropic's Messages API
//	dialect/models             /v1/models, in the shapes of OpenAI, Anthropic and Codex
//	parts                      one part of a turn after the other, for the two dialects that show it so
//	repair                     stages that mend what the upstream said
//	editor                     makes a chat request ready for the server, in one pass
//	history                    a conversation told in pieces, in the order that chat models need
//	refusal                    sentences by which servers refuse a request, and what they mean
//	hub                        the Chat Completions form: facts of a turn, view of replies, errors
//	catalog                    virtual models, profiles, aliases
//	access                     whose request it is: keys, tenant, agents' hints, and what never goes up of a client
//	config                     the one configuration schema: strict, with the faulty key in its errors
//	redact                     what of a text a log may show, on both edges
//	jsonedit, sse, gunzip      bytes: one-pass edits of JSON, event streams, pushed gzip
//
// Data moves one way: edge → gateway → dialect → (history →) editor → upstream → sse → hub → repair →
// (parts →) dialect → edge. A room imports rooms further down this list only, rooms of one
// line and dialects don't import each other; arrows_test.go reads the list from here and
// holds the code to it. RATIONALE.md says why things are as they are.
package shared
