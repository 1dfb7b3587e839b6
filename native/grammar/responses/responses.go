// Package responses checks event streams of the Responses API, strictly: framing, order
// and nesting, numbers and ids, every required field, and that the same text stands
// wherever it stands twice.
//
//	if faults := responses.Check(stream, responses.Options{}); len(faults) > 0 { … }
//
// The grammar (each name begins with "response."). An item ends before the next begins; other
// servers keep several open at once, which is a note, since each event names its item:
//
//	stream      = created [queued] in_progress item* terminal
//	created     = created                     status in_progress; queued if background is true
//	in_progress = in_progress                 may come again anywhere, as a heartbeat
//	item        = output_item.added body output_item.done
//	body        = of a message:          part*    text: content_part.added
//	                                                    output_text.delta* output_text.done content_part.done
//	                                              refusal: content_part.added
//	                                                    refusal.delta* refusal.done content_part.done
//	              of reasoning:          rpart* | spart*
//	                                     rpart: content_part.added
//	                                            reasoning_text.delta* reasoning_text.done content_part.done
//	                                     spart: reasoning_summary_part.added reasoning_summary_text.delta*
//	                                            reasoning_summary_text.done reasoning_summary_part.done
//	              of a function call:    function_call_arguments.delta* function_call_arguments.done
//	              of a custom tool call: custom_tool_call_input.delta* custom_tool_call_input.done
//	              of any other:          nothing
//	terminal    = completed | incomplete | failed     one, last; before failed an item may stay open
//
// It comes from the OpenAPI description of OpenAI, the types of its SDK for Go (v3.95.0)
// and the Open Responses specification with its schemas (2026-04-24); where these
// differ, from what satisfies all of them.
package responses

import "github.com/qwenvoy/qwenvoy/native/grammar"

// Options says which stream is looked at. The zero value: a whole stream, from its
// response.created on, with OpenAI's event names and without [DONE].
type Options struct {
	// First is the sequence_number of the first event. Above 0 the stream is a
	// resumed one (GET /v1/responses/{id}?stream=true&starting_after=First-1): it may
	// begin anywhere, or have no events at all. What lies before is not known, so
	// what depends on it isn't checked.
	First int64
	// OpenResponses: the raw reasoning has the event names of Open Responses,
	// response.reasoning.delta and .done, in place of OpenAI's
	// response.reasoning_text.delta and .done.
	OpenResponses bool
	// Done: data: [DONE] must follow the terminal event. Else it is a fault.
	Done bool
	// Keepalive permits events {"type":"keepalive","sequence_number":n} after the
	// first response.in_progress. OpenAI sends them, but no schema knows them.
	Keepalive bool
	// Cancelled: the response was cancelled in the midst. Such a stream ends without
	// a terminal event, behind a closed item.
	Cancelled bool
}

// Check reads a stream of server-sent events and returns what is wrong with it, faults
// and notes, in the order of the events.
func Check(stream []byte, o Options) []error {
	faults, _ := Read(stream, o)
	return faults
}

// Read does what Check does and also says what the stream held.
func Read(stream []byte, o Options) ([]error, Summary) {
	c := New(o)
	return grammar.Run(stream, c), c.Summary()
}

// Summary says what a stream held.
type Summary struct {
	Events int
	// Items are the types of the items, in order.
	Items []string
	// Terminal is the type of the terminal event; "" if there was none.
	Terminal string
}

// reasoningNames are the names of the raw reasoning's events.
func (o Options) reasoningNames() (delta, done string) {
	if o.OpenResponses {
		return "response.reasoning.delta", "response.reasoning.done"
	}
	return "response.reasoning_text.delta", "response.reasoning_text.done"
}
