package responses

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

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
