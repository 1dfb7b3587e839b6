package messages

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/refusal"
)

// Problem implements hub.Dialect.
func (d Dialect) Problem(p *hub.Problem, t *hub.Turn) *hub.Answer {
	return &hub.Answer{
		Status: d.statusOf(p),
		Body:   appendError(nil, p, t),
		Header: append(p.Header[:len(p.Header):len(p.Header)], [2]string{hub.RequestIDHeader, t.RequestID()}),
		Reason: p.Reason,
	}
}

// threadRefused refuses a request that goes on from a message that was stored, or begins
// such a thread: it holds new messages only, and the model would never see the others.
// Claude Code sends all of them at this code, from then on.
func threadRefused() *hub.Problem {
	p := hub.BadRequest("thread", "thread: threads of messages are not kept here. Send the whole conversation without thread.")
	p.Code = "thread_unsupported_request"
	return p
}

// Status implements hub.Translator. Anthropic has one status for a body that it can't
// take, and says 529 where others say 503.
func (d Dialect) Status(upstream int) int {
	switch upstream {
	case 422:
		return 400
	case 503:
		return 529
	case 500, 501, 502, 504, 529:
		return upstream
	}
	if upstream >= 500 {
		return 500
	}
	return upstream
}

// statusOf is the status of a problem, by what its sentence means.
func (d Dialect) statusOf(p *hub.Problem) int { return refusal.Status(p, d.Status(p.Status)) }

// errorType is the type that Anthropic's errors have with a status of Status's. What the
// upstream calls its error is another vocabulary.
func errorType(status int) string {
	switch status {
	case 401:
		return "authentication_error"
	case 402:
		return "billing_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 413:
		return "request_too_large"
	case 429:
		return "rate_limit_error"
	case 408, 504:
		return "timeout_error"
	case 501:
		return "not_supported"
	case 529:
		return "overloaded_error"
	}
	if status >= 500 {
		return "api_error"
	}
	return "invalid_request_error"
}

// appendError appends the error object, which is the body of a reply or the data of an
// error event.
func appendError(dst []byte, p *hub.Problem, t *hub.Turn) []byte {
	status := Dialect{}.statusOf(p)
	message := p.Message
	switch {
	case status != 400:
	case p.Upstream != 0:
		if known, ok := refusalMessage(p); ok {
			message = known
		}
	case p.Param != "" && !strings.HasPrefix(message, p.Param):
		message = p.Param + ": " + message
	}
	dst = jsonedit.Put(dst, `{"type":"error","error":{"type":"`)
	dst = jsonedit.Put(dst, errorType(status))
	dst = jsonedit.Put(dst, `","message":`)
	dst = jsonedit.AppendQuoted(dst, strings.ToValidUTF8(message, "\uFFFD"))
	if p.Upstream == 0 && p.Code != "" {
		dst = jsonedit.Put(dst, `,"details":{"error_code":`)
		dst = append(jsonedit.AppendQuoted(dst, p.Code), '}')
	}
	dst = jsonedit.Put(dst, `},"request_id":`)
	dst = jsonedit.AppendQuoted(dst, t.RequestID())
	return append(dst, '}')
}
