package responses

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// Statuses of a response and of an item.
const (
	queued     = "queued"
	inProgress = "in_progress"
	completed  = "completed"
	incomplete = "incomplete"
	failed     = "failed"
)

// form is how a kind of item looks.
type form struct {
	kind, prefix string // its type, and what its id begins with
	// part is the family of the events around its part, partType the part's type; empty
	// for an item without parts. index is what those events say of the part's place.
	part, partType, index string
	// delta is the family of the events that bring its text, key what a done event, the
	// part or the item calls all of it.
	delta, key string
	// silent: it has no events inside.
	silent bool
}

const contentIndex = `,"content_index":0`

// The forms. OpenAI and Open Responses name the events of raw thinking differently; the
// events of summaries are the same in both.
var (
	textForm = form{kind: "message", prefix: "msg_", part: "content_part", partType: "output_text", index: contentIndex,
		delta: "output_text", key: "text"}
	refusalForm = form{kind: "message", prefix: "msg_", part: "content_part", partType: "refusal", index: contentIndex,
		delta: "refusal", key: "refusal"}
	reasoningForm = form{kind: "reasoning", prefix: "rs_", part: "content_part", partType: "reasoning_text", index: contentIndex,
		delta: "reasoning_text", key: "text"}
	openReasoningForm = form{kind: "reasoning", prefix: "rs_", part: "content_part", partType: "reasoning_text", index: contentIndex,
		delta: "reasoning", key: "text"}
	summaryForm = form{kind: "reasoning", prefix: "rs_", part: "reasoning_summary_part", partType: "summary_text",
		index: `,"summary_index":0`, delta: "reasoning_summary_text", key: "text"}
	functionForm   = form{kind: "function_call", prefix: "fc_", delta: "function_call_arguments", key: "arguments"}
	customForm     = form{kind: "custom_tool_call", prefix: "ctc_", delta: "custom_tool_call_input", key: "input"}
	searchForm     = form{kind: "tool_search_call", prefix: "tsc_", silent: true}
	localShellForm = form{kind: "local_shell_call", prefix: "lsh_", silent: true}
	shellForm      = form{kind: "shell_call", prefix: "sh_", silent: true}
	patchForm      = form{kind: "apply_patch_call", prefix: "apc_", silent: true}
	compactionForm = form{kind: "compaction", prefix: "cmp_", silent: true}
)

// outputItem is the output item that is being written. Its text stands as inside a string
// literal, as all deltas joined.
type outputItem struct {
	form     *form
	tool     toolset.Tool // that is called, where it is a call
	id       []byte
	text     []byte
	logprobs []byte // elements with commas between
	input    customInput
	blob     []byte // its encrypted_content, empty for none
	// place is what all events inside the item say: `,"item_id":"…","output_index":0`,
	// and the part's index where it has one.
	place []byte
}

// begin begins the n-th item of a response.
func (o *outputItem) begin(response []byte, n int) {
	o.id = appendItemID(o.id[:0], o.form.prefix, response, n)
	o.place = jsonedit.PutBytes(jsonedit.Put(o.place[:0], `,"item_id":"`), o.id)
	o.place = strconv.AppendInt(jsonedit.Put(o.place, `","output_index":`), int64(n), 10)
	o.place = jsonedit.Put(o.place, o.form.index)
}

// addLogprobs adds the elements of a list of logprobs, and returns them.
func (o *outputItem) addLogprobs(list []byte) []byte {
	from := len(o.logprobs)
	if !jsonedit.IsEmpty(list) {
		if from > 0 {
			o.logprobs = append(o.logprobs, ',')
			from++
		}
		o.logprobs = appendStrict(o.logprobs, list[1:len(list)-1])
	}
	return o.logprobs[from:]
}

// append appends the item. In progress it is still empty.
func (o *outputItem) append(dst []byte, p *parts.Part, status string) []byte {
	f, begins := o.form, status == inProgress
	text, logprobs, blob := o.text, o.logprobs, o.blob
	if begins {
		text, logprobs, blob = nil, nil, nil
	}
	dst = jsonedit.Put(jsonedit.Put(dst, `{"type":"`), f.kind)
	dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `","id":"`), o.id), '"')
	switch f.kind {
	case "message":
		dst = jsonedit.Put(dst, `,"role":"assistant","content":[`)
		if !begins {
			dst = o.appendPart(dst, text, logprobs)
		}
		dst = append(dst, ']')
	case "reasoning":
		dst = jsonedit.Put(dst, `,"summary":[`)
		if f == &summaryForm {
			if !begins {
				dst = o.appendPart(dst, text, nil)
			}
			dst = append(dst, ']')
			break
		}
		dst = jsonedit.Put(dst, `],"content":[`)
		if !begins {
			dst = o.appendPart(dst, text, nil)
		}
		dst = append(dst, ']')
	case "compaction":
		dst = jsonedit.PutBytes(jsonedit.Put(dst, `,"encrypted_content":"`), blob)
		return jsonedit.Put(dst, `"}`)
	default:
		dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"call_id":"`), p.ID), '"')
		if !f.silent {
			dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"name":"`), o.tool.Name), '"')
			if len(o.tool.Namespace) > 0 {
				dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"namespace":"`), o.tool.Namespace), '"')
			}
			if dst = o.appendText(dst, text, nil); f == &functionForm && o.tool.Sealed {
				// Without it Codex takes the text for a cipher and hands it on as one.
				dst = jsonedit.Put(dst, `,"encrypted_function_args":[]`)
			}
		} else {
			dst = o.appendAction(dst, p, begins)
			if f == &patchForm && !begins {
				status = completed // its only other status is in_progress
			}
		}
	}
	if len(blob) > 0 {
		dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"encrypted_content":"`), blob), '"')
	}
	if f.kind == "reasoning" { // OpenAI's has no status
		return append(dst, '}')
	}
	return jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `,"status":"`), status), `"}`)
}

func (o *outputItem) appendPart(dst, text, logprobs []byte) []byte {
	dst = append(jsonedit.Put(jsonedit.Put(dst, `{"type":"`), o.form.partType), '"')
	dst = o.appendText(dst, text, logprobs)
	if o.form == &textForm {
		dst = jsonedit.Put(dst, `,"annotations":[]`)
	}
	return append(dst, '}')
}

// appendText appends all of the text under its name, and logprobs where it has some.
func (o *outputItem) appendText(dst, text, logprobs []byte) []byte {
	dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `,"`), o.form.key), `":"`)
	dst = append(jsonedit.PutBytes(dst, text), '"')
	if o.form == &textForm {
		dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"logprobs":[`), logprobs), ']')
	}
	return dst
}

// isBlank tells whether the inside of a string literal is white space only.
func isBlank(inside []byte) bool {
	for i := 0; i < len(inside); i++ {
		switch c := inside[i]; {
		case c == ' ':
		case c == '\\' && bytes.IndexByte([]byte("nrt"), inside[i+1]) >= 0:
			i++
		default:
			return false
		}
	}
	return true
}

// appendStrict appends JSON of the model or the upstream as one line that strict decoders
// take. Line ends, which in JSON stand between values only, would end an event.
func appendStrict(dst, text []byte) []byte {
	start := len(dst)
	dst = jsonedit.PutBytes(dst, text)
	for i := start; i < len(dst); i++ {
		if dst[i] < ' ' {
			dst[i] = ' '
		}
	}
	var f jsonedit.Fragments
	if whole := f.Next(dst[start:]); len(whole) != len(dst)-start || len(whole) > 0 && &whole[0] != &dst[start] {
		dst = jsonedit.PutBytes(jsonedit.PutBytes(dst[:start], whole), f.End())
	}
	return dst
}
