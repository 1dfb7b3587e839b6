package messages

import (
	"slices"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// appendUsage appends a message's usage. What was read from the prefix cache and written
// to it is no part of input_tokens.
func appendUsage(dst []byte, u *hub.Usage) []byte {
	dst = appendCounts(dst, u)
	dst = jsonedit.Put(dst, `,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"service_tier":"standard"}`)
	return dst
}

// appendDeltaUsage appends the usage of a message_delta, which has fewer members.
func appendDeltaUsage(dst []byte, u *hub.Usage) []byte {
	return append(appendCounts(dst, u), '}')
}

func appendCounts(dst []byte, u *hub.Usage) []byte {
	dst = strconv.AppendInt(jsonedit.Put(dst, `{"input_tokens":`), int64(u.Prompt-u.Cached-u.Created), 10)
	dst = strconv.AppendInt(jsonedit.Put(dst, `,"cache_creation_input_tokens":`), int64(u.Created), 10)
	dst = strconv.AppendInt(jsonedit.Put(dst, `,"cache_read_input_tokens":`), int64(u.Cached), 10)
	dst = strconv.AppendInt(jsonedit.Put(dst, `,"output_tokens":`), int64(u.Completion), 10)
	dst = strconv.AppendInt(jsonedit.Put(dst, `,"output_tokens_details":{"thinking_tokens":`), int64(u.Reasoning), 10)
	return jsonedit.Put(dst, `},"server_tool_use":null`)
}

// wantsWindow tells whether stopReason depends on the window, which is not known yet.
func wantsWindow(t *hub.Turn) bool {
	_, known := t.Window()
	return !known && t.Reply.Finish == "length" && t.Reply.HasUsage && belowLimit(t)
}

// belowLimit: it was not the request's own limit that ended the turn.
func belowLimit(t *hub.Turn) bool {
	return t.Request.Limit == 0 || t.Reply.Usage.Completion < t.Request.Limit
}

// stopReason says why the turn ended; called: a tool call was handed on.
func stopReason(t *hub.Turn, r *request, called bool) string {
	if t.Reply.Refused {
		return "refusal" // its words are the text
	}
	switch t.Reply.Finish {
	case "length":
		window, _ := t.Window()
		if t.Reply.HasUsage && window > 0 && belowLimit(t) && t.Reply.Usage.Prompt+t.Reply.Usage.Completion >= window {
			return "model_context_window_exceeded"
		}
		return "max_tokens"
	case "content_filter":
		return "refusal"
	}
	switch {
	case called: // whatever the upstream says: a named tool's call ends with stop
		return "tool_use"
	case t.Reply.StopWord != "" && slices.Contains(r.stops, t.Reply.StopWord):
		return "stop_sequence"
	}
	return "end_turn"
}

// appendStop appends the members that say why the turn ended.
func appendStop(dst []byte, t *hub.Turn, reason string) []byte {
	dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `"stop_reason":"`), reason), `","stop_sequence":`)
	if reason == "stop_sequence" {
		dst = jsonedit.AppendQuoted(dst, t.Reply.StopWord)
	} else {
		dst = jsonedit.Put(dst, "null")
	}
	dst = jsonedit.Put(dst, `,"stop_details":`)
	if reason == "refusal" {
		return jsonedit.Put(dst, `{"type":"refusal","category":null,"explanation":null}`)
	}
	return jsonedit.Put(dst, "null")
}
