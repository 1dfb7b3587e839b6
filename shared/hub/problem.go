package hub

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A Problem is an error that a person can act on, before a dialect has put it into
// its own shape.
type Problem struct {
	Status  int    // HTTP status
	Type    string // in OpenAI's terms: invalid_request_error, model_not_found, not_found_error, server_error
	Param   string // the request field to blame, "" for none
	Message string
	// Code is OpenAI's word for the case, such as "previous_response_not_found"; "" for none.
	Code string
	// Upstream is the upstream's status where the problem is its own, 0 where it is ours.
	Upstream int
	// PromptTokens is the prompt's count where the upstream said it beside its message, or where it
	// was asked for (NeedCount), else 0; Window is that of its model, as far as it is known then.
	PromptTokens, Window int
	Reason               string // a short word for logs and metrics
	// Header holds further reply header fields, such as allow with a 405.
	Header [][2]string
}

// The types of OpenAI's errors that Qwenvoy uses.
const (
	TypeInvalidRequest = "invalid_request_error"
	TypeModelNotFound  = "model_not_found"
	TypeNotFound       = "not_found_error"
	TypeServer         = "server_error"
)

// Excerpt is a word of the client's for a message: what it begins with, where it is longer
// than 200 bytes, and U+FFFD for what is no text. All dialects quote by it, so an error
// stays short whatever was sent.
func Excerpt(word string) string { return excerpt(word, 200) }

// excerpt is at most the first n bytes of a text.
func excerpt(word string, n int) string {
	if len(word) <= n {
		return strings.ToValidUTF8(word, "\uFFFD")
	}
	for i := n; i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(word[i]) {
			n = i
			break
		}
	}
	return strings.ToValidUTF8(word[:n], "\uFFFD") + "…"
}

// BadRequest is a 400 that blames param.
func BadRequest(param, format string, args ...any) *Problem {
	return &Problem{Status: 400, Type: TypeInvalidRequest, Param: param, Message: fmt.Sprintf(format, args...), Reason: "invalid_request"}
}

// BadUpstream is a 502: the upstream said what it should not.
func BadUpstream(format string, args ...any) *Problem {
	return &Problem{Status: 502, Type: TypeServer, Message: fmt.Sprintf(format, args...), Reason: "bad_reply"}
}

// Nameless is a 503: the served model's name is not known yet. why is a part of a sentence.
func Nameless(why string) *Problem {
	return &Problem{Status: 503, Type: TypeServer, Reason: "model_unknown", Header: [][2]string{{"retry-after", "5"}},
		Message: "The served model's name is not known yet: " + why +
			". The gateway goes on asking; try again, or name it in upstreams[0].model."}
}

// FaultProblem puts a Fault into words. limit is the request body's limit in bytes.
func FaultProblem(f Fault, limit int) *Problem {
	p := &Problem{Status: 502, Type: TypeServer}
	switch f {
	case BodyTooLarge:
		p.Status, p.Type, p.Reason = 413, TypeInvalidRequest, "body_too_large"
		p.Message = fmt.Sprintf("The request body is larger than the limit of %d bytes (limits.body).", limit)
	case Inflated:
		p.Status, p.Type, p.Reason = 413, TypeInvalidRequest, "body_inflated"
		p.Message = "The request body is more than 100 times as large without its content-encoding. Send it without one."
	case NoMemory:
		p.Status, p.Reason, p.Header = 503, "no_memory", [][2]string{{"retry-after", "2"}}
		p.Message = "The gateway is busy: the requests that are under way take all the memory that they may have (limits.memory; " +
			"in the filter 4 times limits.body). Try again."
	case Busy:
		p.Status, p.Reason, p.Header = 503, "busy", [][2]string{{"retry-after", "2"}}
		p.Message = "The gateway is busy: as many requests as may be are under way (limits.exchanges). Try again."
	case BadEncoding:
		p.Status, p.Type, p.Reason = 415, TypeInvalidRequest, "bad_encoding"
		p.Message = "The request body's content-encoding is not supported. Send it without one."
	case Undecodable:
		p.Status, p.Type, p.Reason = 400, TypeInvalidRequest, "bad_encoding"
		p.Message = "The request body can't be decoded by its content-encoding: it is not of that kind, broke off, or goes on behind its end."
	case BrokenBody:
		p.Status, p.Type, p.Reason = 400, TypeInvalidRequest, "bad_body"
		p.Message = "The request body could not be read to its end: it broke off or is not framed properly."
	case SlowBody:
		p.Status, p.Type, p.Reason = 408, TypeInvalidRequest, "slow_body"
		p.Message = "The request body did not come in time (timeouts.header for its first byte, timeouts.idle for the rest)."
	case Unreachable:
		p.Reason, p.Message = "upstream_connect", "The model server can't be reached, or it closed the connection before it answered."
	case NoHead:
		p.Status, p.Reason, p.Message = 504, "upstream_timeout", "The model server did not begin to answer in time."
	case Idle:
		p.Status, p.Reason, p.Message = 504, "upstream_idle", "The model server stopped sending in the middle of its answer."
	case Cut:
		p.Reason, p.Message = "upstream_cut", "The model server's answer ended before it was complete."
	case ReplyTooLarge:
		p.Reason = "reply_too_large"
		p.Message = "The model server's answer, or one event of it, is over the size limit (limits.body, limits.event)."
	case BadReply:
		p.Reason, p.Message = "bad_reply", "The model server's answer can't be read."
	case ShuttingDown:
		p.Status, p.Reason, p.Header = 503, "shutting_down", [][2]string{{"retry-after", "1"}}
		p.Message = "The gateway is shutting down. Send the request again."
	default:
		p.Status, p.Reason, p.Message = 500, "panic", "The gateway failed on this request. It is a bug; its log says more."
	}
	return p
}

// AppendChatError appends the error object of the Chat Completions API: message,
// type, param, and code, which is the HTTP status as vLLM sends it.
func AppendChatError(dst []byte, p *Problem) []byte {
	dst = jsonedit.Put(dst, `{"error":{"message":`)
	dst = appendText(dst, p.Message)
	dst = jsonedit.Put(dst, `,"type":`)
	dst = appendText(dst, p.Type)
	dst = jsonedit.Put(dst, `,"param":`)
	if p.Param == "" {
		dst = jsonedit.Put(dst, "null")
	} else {
		dst = appendText(dst, p.Param)
	}
	dst = jsonedit.Put(dst, `,"code":`)
	dst = strconv.AppendInt(dst, int64(p.Status), 10)
	return jsonedit.Put(dst, "}}")
}

// appendText appends a literal of a text that may quote bytes of anybody's.
func appendText(dst []byte, text string) []byte {
	return jsonedit.AppendQuoted(dst, strings.ToValidUTF8(text, "\uFFFD"))
}

// ChatAnswer is the problem as a whole reply of the Chat Completions API.
func ChatAnswer(p *Problem) *Answer {
	return &Answer{Status: p.Status, Body: AppendChatError(nil, p), Header: p.Header, Reason: p.Reason}
}
