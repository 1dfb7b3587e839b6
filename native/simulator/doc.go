// Package simulator is a simulated vLLM, 0.32 or 0.33, that serves one Qwen model: what
// it accepts, refuses and answers, byte shapes and header names included, was
// taken from recordings of the real servers (testdata/recorded, recorded33). It needs no
// model: its answers are made up by fixed rules, so that the same request
// always gets the same text.
//
// The package imports nothing of the gateway: a fault of the gateway's own
// reading of the protocol must not be repeated here. It serves /v1/models,
// /v1/chat/completions, /v1/completions, /tokenize, /detokenize, /health,
// /ping, /load, /version and /metrics. Not simulated: /v1/responses,
// /v1/messages, audio, video, grammars other than a JSON schema, sampling (the
// parameters are checked and have no effect), and Qwen's own vocabulary: the
// tokenizer is a real byte-level one, but small, so counts are of the right
// order only. They agree among chat, completions and tokenize.
//
// # Answers
//
// The last user message decides:
//
//   - "hello" is greeted, "count to 5" counted, "think only" met with silence,
//     and anything else echoed: "You said: …".
//   - A tool is called when the message names it, holds all telling words of
//     its name ("weather" for get_weather) or asks to use a tool; two are
//     called for "two", "both" or a message that ends like "Rome and Oslo".
//     A message that begins "Talk, then …" gets a text before the call.
//     Arguments fit the tool's schema: required properties only, texts from
//     the message's last word. None is called for "do not call any tools".
//   - After a tool's result: "The tool says: …".
//   - A response_format or structured_outputs with a JSON schema gets a value
//     that fits it.
//
// With [Options.Images] a message may hold images by URL. Each counts 258 tokens, whatever its size;
// nobody looks at it, and the text is answered as if it stood alone. That is not recorded: the
// server of the recordings had a model of text alone, which is what the simulator is without it.
//
// Unless thinking is off (chat_template_kwargs.enable_thinking false, or
// reasoning_effort none) a short thought comes first.
//
// Lines of the last user message that begin with "simulate:" steer it:
//
//	simulate: call read_file {"path":"x"}   call a tool; several lines make parallel calls
//	simulate: then call grep {"q":"y"}      call a tool after the first round of results; the
//	                                        n-th such line after n rounds
//	simulate: preface Let me look.          text before the calls
//	simulate: say TEXT                      the answer, where no call is due; \n is a line break
//	simulate: think TEXT                    the thought
//	simulate: next                          the lines below are for the answer after one more
//	                                        round of results; the last ones stay in force
//
// What stands in <system-reminder> tags is not the user's, nor is a message "Tool loaded.":
// agents put notes of their own into user messages.
//
// # Faults
//
// [Options.Fault], and with [Options.Control] the request header X-Simulate,
// hold a list of names, separated by commas. Counts are of events in a stream
// (3 where no number is given) and of bytes in a reply of one piece.
//
//	misplaced          the answer stands in reasoning though thinking is off
//	reasoning-content  the field is named reasoning_content, as older vLLMs do
//	leaked-think       the thought stands in content, in <think> tags
//	no-reasoning-parser, no-tool-parser
//	                   the thought stands in content, up to its closing tag; tools are refused
//	bad-arguments      tool arguments lack their last brace
//	error-in-stream    an error event after 3 events, then [DONE]; 500 when not streamed
//	cut[=N]            the connection drops after N
//	cut-event          … in the midst of an event, or of the body
//	stall[=N]          nothing more comes after N; ends when the client goes
//	slow=50ms          a pause before each event
//	late-head=50ms     a pause before the reply's head
//	split=N            a flush after every N bytes
//	crlf, cr           other line ends in streams
//	gzip               the reply is compressed
//	no-done            the stream ends without [DONE]
//	keep-alive         a comment before each event
//	429, 503           refusals, 429 with Retry-After: 1
//
// # Scripts
//
// With [Options.Control] a test can prepare a reply:
//
//	PUT /simulator/scripts/{id}
//	{"status":200, "headers":[["content-type","text/event-stream"]],
//	 "chunks":["data: …\n\n"], "end":"normal", "gap_ms":0}
//
// chunks_base64 in place of chunks takes bytes; end "cut" drops the connection
// after the last chunk. A later request to any path with the header
// X-Simulate-Script: {id} gets exactly that, each chunk flushed (one chunk
// that ends normally and is no event stream: with its length), and
// GET /simulator/scripts/{id} tells what came:
//
//	{"requests":[{"method":"POST","path":"/v1/x?y","headers":[["Host","…"]],"body_base64":"…"}]}
//
// DELETE forgets both.
package simulator
