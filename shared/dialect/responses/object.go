package responses

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/parts"
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

// formOf is the form of a part, and sets w.tool where that is a call.
func (w *writer) formOf(p *parts.Part) *form {
	switch p.Kind {
	case parts.Text:
		return &textForm
	case parts.Refusal:
		return &refusalForm
	case parts.Reasoning:
		switch {
		case w.r.summary || w.t.Responses.ReasoningEvents == hub.Summary:
			return &summaryForm
		case w.t.Responses.ReasoningEvents == hub.OpenResponses:
			return &openReasoningForm
		}
		return &reasoningForm
	}
	tool, ok := w.r.tools.Find(p.Name)
	if !ok {
		// The model made it up. It is the client that tells the model so.
		tool.Name = jsonedit.AppendEscaped(nil, p.Name)
	}
	w.tool = tool
	switch tool.Kind {
	case toolset.Custom:
		w.input.reset()
		return &customForm
	case toolset.ToolSearch:
		return &searchForm
	case toolset.LocalShell:
		return &localShellForm
	case toolset.Shell:
		return &shellForm
	case toolset.ApplyPatch:
		return &patchForm
	}
	return &functionForm
}

// appendItem appends the open item. In progress it is still empty.
func (w *writer) appendItem(dst []byte, p *parts.Part, status string) []byte {
	f, begins := w.form, status == inProgress
	text, logprobs, blob := w.text, w.logprobs, w.blob
	if begins {
		text, logprobs, blob = nil, nil, nil
	}
	dst = jsonedit.Put(jsonedit.Put(dst, `{"type":"`), f.kind)
	dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `","id":"`), w.id), '"')
	switch f.kind {
	case "message":
		dst = jsonedit.Put(dst, `,"role":"assistant","content":[`)
		if !begins {
			dst = w.appendPart(dst, text, logprobs)
		}
		dst = append(dst, ']')
	case "reasoning":
		dst = jsonedit.Put(dst, `,"summary":[`)
		if f == &summaryForm {
			if !begins {
				dst = w.appendPart(dst, text, nil)
			}
			dst = append(dst, ']')
			break
		}
		dst = jsonedit.Put(dst, `],"content":[`)
		if !begins {
			dst = w.appendPart(dst, text, nil)
		}
		dst = append(dst, ']')
	case "compaction":
		dst = jsonedit.PutBytes(jsonedit.Put(dst, `,"encrypted_content":"`), blob)
		return jsonedit.Put(dst, `"}`)
	default:
		dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"call_id":"`), p.ID), '"')
		if !f.silent {
			dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"name":"`), w.tool.Name), '"')
			if len(w.tool.Namespace) > 0 {
				dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"namespace":"`), w.tool.Namespace), '"')
			}
			dst = w.appendText(dst, text, nil)
		} else {
			dst = w.appendAction(dst, p, begins)
			if f == &patchForm && !begins {
				status = completed // its only other status is in_progress
			}
		}
	}
	if len(blob) > 0 {
		dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"encrypted_content":"`), blob), '"')
	}
	return jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `,"status":"`), status), `"}`)
}

func (w *writer) appendPart(dst, text, logprobs []byte) []byte {
	dst = append(jsonedit.Put(jsonedit.Put(dst, `{"type":"`), w.form.partType), '"')
	dst = w.appendText(dst, text, logprobs)
	if w.form == &textForm {
		dst = jsonedit.Put(dst, `,"annotations":[]`)
	}
	return append(dst, '}')
}

// appendText appends all of the text under its name, and logprobs where it has some.
func (w *writer) appendText(dst, text, logprobs []byte) []byte {
	dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `,"`), w.form.key), `":"`)
	dst = append(jsonedit.PutBytes(dst, text), '"')
	if w.form == &textForm {
		dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"logprobs":[`), logprobs), ']')
	}
	return dst
}

// appendResponse appends the response object. While it runs there is no output and no
// usage in it.
func (w *writer) appendResponse(dst []byte, status string, p *hub.Problem) []byte {
	dst = jsonedit.PutBytes(jsonedit.Put(dst, `{"id":"`), w.r.id)
	dst = strconv.AppendInt(jsonedit.Put(dst, `","object":"response","created_at":`), w.t.Edge.Now, 10)
	dst = jsonedit.Put(dst, `,"completed_at":`)
	if status == completed {
		dst = strconv.AppendInt(dst, w.t.Time(), 10)
	} else {
		dst = jsonedit.Put(dst, "null")
	}
	dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `,"status":"`), status), `","error":`)
	if p != nil {
		dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `{"code":"`), failureCode(p)), `","message":`)
		dst = append(appendString(dst, p.Message), '}')
	} else {
		dst = jsonedit.Put(dst, "null")
	}
	dst = jsonedit.Put(dst, `,"incomplete_details":`)
	switch {
	case status != incomplete:
		dst = jsonedit.Put(dst, "null")
	case w.t.Reply.Finish == "content_filter":
		dst = jsonedit.Put(dst, `{"reason":"content_filter"}`)
	default:
		dst = jsonedit.Put(dst, `{"reason":"max_output_tokens"}`)
	}
	dst = jsonedit.Put(dst, `,"output":[`)
	running := status == queued || status == inProgress
	if !running {
		dst = jsonedit.PutBytes(dst, w.items)
	}
	dst = jsonedit.Put(dst, `],"usage":`)
	if running || !w.t.Reply.HasUsage {
		dst = jsonedit.Put(dst, "null")
	} else {
		dst = appendUsage(dst, &w.t.Reply.Usage)
	}
	if len(w.r.echo) > 0 {
		dst = jsonedit.PutBytes(append(dst, ','), w.r.echo)
	}
	return append(dst, '}')
}

// appendCompacted appends the answer to /responses/compact: the user's messages and the
// summary. It is no response, and has usage always.
func (w *writer) appendCompacted(dst []byte) []byte {
	dst = jsonedit.PutBytes(jsonedit.Put(dst, `{"id":"`), w.r.id)
	dst = strconv.AppendInt(jsonedit.Put(dst, `","object":"response.compaction","created_at":`), w.t.Edge.Now, 10)
	dst = jsonedit.PutBytes(jsonedit.Put(dst, `,"output":[`), w.r.kept)
	if len(w.r.kept) > 0 {
		dst = append(dst, ',')
	}
	dst = jsonedit.Put(jsonedit.PutBytes(dst, w.items), `],"usage":`)
	return append(appendUsage(dst, &w.t.Reply.Usage), '}')
}

func appendUsage(dst []byte, u *hub.Usage) []byte {
	dst = strconv.AppendInt(jsonedit.Put(dst, `{"input_tokens":`), int64(u.Prompt), 10)
	dst = strconv.AppendInt(jsonedit.Put(dst, `,"input_tokens_details":{"cached_tokens":`), int64(u.Cached), 10)
	dst = strconv.AppendInt(jsonedit.Put(dst, `,"cache_write_tokens":`), int64(u.Created), 10)
	dst = strconv.AppendInt(jsonedit.Put(dst, `},"output_tokens":`), int64(u.Completion), 10)
	dst = strconv.AppendInt(jsonedit.Put(dst, `,"output_tokens_details":{"reasoning_tokens":`), int64(u.Reasoning), 10)
	dst = strconv.AppendInt(jsonedit.Put(dst, `},"total_tokens":`), int64(u.Prompt+u.Completion), 10)
	return append(dst, '}')
}
