package responses

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/refusal"
)

// Codes of OpenAI's that clients decide by. Codex stops and says so at an overflow, a
// quota that is used up and an invalid prompt, and asks again at all others.
const (
	codeRate      = "rate_limit_exceeded"
	codeQuota     = "insufficient_quota"
	codeServer    = "server_error"
	codeKey       = "invalid_api_key"
	codeModel     = "model_not_found"
	codeTooLarge  = "request_too_large"
	codeLacking   = "unsupported_parameter"
	codePrompt    = "invalid_prompt"
	typeRateLimit = "rate_limit_error"
)

// Problem implements hub.Dialect: {"error":{message, type, param, code}}, all four
// always, and code a word, not the number that vLLM sends.
func (d Dialect) Problem(p *hub.Problem, t *hub.Turn) *hub.Answer {
	f := d.faultOf(p)
	dst := jsonedit.Put(make([]byte, 0, 128+len(f.message)), `{"error":{"message":`)
	dst = appendString(dst, f.message)
	dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `,"type":"`), f.kind), `","param":`)
	dst = appendStringOrNull(dst, f.param)
	dst = appendStringOrNull(jsonedit.Put(dst, `,"code":`), f.code)
	return &hub.Answer{Status: f.status, Body: jsonedit.Put(dst, "}}"), Header: p.Header, Reason: p.Reason}
}

// Status implements hub.Translator.
func (d Dialect) Status(upstream int) int {
	if d.kind == inputTokens && lacksRoute(upstream) {
		return 400
	}
	return upstream
}

// lacksRoute tells whether a status means that the upstream has no such route.
func lacksRoute(status int) bool { return status == 404 || status == 405 || status == 501 }

// fault is a problem in OpenAI's terms; an empty param or code is null.
type fault struct {
	status                     int
	message, kind, param, code string
}

func (d Dialect) faultOf(p *hub.Problem) fault {
	f := fault{status: p.Status, message: p.Message, kind: hub.TypeInvalidRequest, param: ownParam(p.Param), code: p.Code}
	own := p.Upstream == 0
	if !own {
		f.code = "" // its words are its own
	}
	switch {
	case !own && d.kind == inputTokens && lacksRoute(p.Upstream) && p.Param != "model":
		f.status, f.code, f.param = 400, codeLacking, ""
		f.message = "The model server can't count tokens: it has no /tokenize. It said: " + p.Message
	case refusal.Of(p).Class == refusal.PromptTooLong:
		f.status, f.code, f.param = 400, refusal.PromptTooLong.Code(), "input"
	case own && p.Code != "":
		switch {
		case p.Status >= 500:
			f.kind = hub.TypeServer
		case p.Status == 429:
			f.kind = typeRateLimit
		}
	case p.Status == 401:
		f.code, f.param = codeKey, ""
	case p.Type == hub.TypeModelNotFound, !own && p.Status == 404 && p.Param == "model":
		f.code, f.param = codeModel, "model"
	case p.Status == 413:
		f.code, f.param = codeTooLarge, ""
	case p.Status == 429, !own && (p.Code == codeRate || p.Type == typeRateLimit || isQuota(p)):
		f.status = 429
		f.kind, f.code, f.param = typeRateLimit, codeRate, ""
		if isQuota(p) {
			f.kind, f.code = codeQuota, codeQuota
		}
	case p.Status >= 500:
		f.kind, f.code, f.param = hub.TypeServer, codeServer, ""
	}
	return f
}

// failureCode is the code of a response.error, for a problem that came in the midst.
func failureCode(p *hub.Problem) string {
	f := Create.faultOf(p)
	switch {
	case f.code == refusal.PromptTooLong.Code(), f.code == codeQuota, f.code == codeRate:
		return f.code
	case p.Upstream >= 400 && p.Upstream < 500 && p.Upstream != 401 && p.Upstream != 403 && p.Upstream != 408:
		return codePrompt // asking again would not help
	}
	return codeServer
}

// isQuota tells a quota that is used up from a rate that waiting cures.
func isQuota(p *hub.Problem) bool {
	return p.Code == codeQuota || p.Type == codeQuota || strings.Contains(strings.ToLower(p.Message), "exceeded your current quota")
}

// chatParams leads from fields of a chat request back to those that the client sent.
var chatParams = map[string]string{
	"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens",
	"messages": "input", "input_tokens": "input",
	"response_format":  "text.format",
	"reasoning_effort": "reasoning.effort",
	"logprobs":         "top_logprobs",
}

// ownParam is a param in the client's words. A place inside the messages or tools has
// none: items and messages are counted differently.
func ownParam(param string) string {
	head := param
	if i := strings.IndexAny(param, ".["); i >= 0 {
		head = param[:i]
	}
	if own, ok := chatParams[head]; ok {
		return own
	}
	return param
}

// appendString appends a literal of a text that may quote bytes of anybody's.
func appendString(dst []byte, text string) []byte {
	return jsonedit.AppendQuoted(dst, strings.ToValidUTF8(text, "\uFFFD"))
}

func appendStringOrNull(dst []byte, text string) []byte {
	if text == "" {
		return jsonedit.Put(dst, "null")
	}
	return appendString(dst, text)
}
