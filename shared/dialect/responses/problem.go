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
	e := d.Error(p)
	dst := jsonedit.Put(make([]byte, 0, 128+len(e.Message)), `{"error":{"message":`)
	dst = appendString(dst, e.Message)
	dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `,"type":"`), e.Type), `","param":`)
	dst = appendStringOrNull(dst, e.Param)
	dst = appendStringOrNull(jsonedit.Put(dst, `,"code":`), e.Code)
	return &hub.Answer{Status: e.Status, Body: jsonedit.Put(dst, "}}"), Header: p.Header, Reason: p.Reason}
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

// An Error is a problem in OpenAI's terms; an empty Param or Code is null.
type Error struct {
	Status                     int
	Message, Type, Param, Code string
}

// Error puts a problem into OpenAI's terms. What is told of it in another shape than
// Problem's, such as a socket's, says the same.
func (d Dialect) Error(p *hub.Problem) Error {
	e := Error{Status: p.Status, Message: p.Message, Type: hub.TypeInvalidRequest, Param: ownParam(p.Param), Code: p.Code}
	own, class := p.Upstream == 0, refusal.Of(p).Class
	if !own {
		e.Code = "" // its words are its own
		e.Status = refusal.Status(p, p.Status)
	}
	switch {
	case !own && d.kind == inputTokens && lacksRoute(p.Upstream) && p.Param != "model":
		e.Status, e.Code, e.Param = 400, codeLacking, ""
		e.Message = "The model server can't count tokens: it has no /tokenize. It said: " + p.Message
	case class == refusal.PromptTooLong:
		e.Status, e.Code, e.Param = 400, refusal.PromptTooLong.Code(), "input"
	case own && p.Code != "":
		switch {
		case p.Status >= 500:
			e.Type = hub.TypeServer
		case p.Status == 429:
			e.Type = typeRateLimit
		}
	case e.Status == 401:
		e.Code, e.Param = codeKey, ""
	case p.Type == hub.TypeModelNotFound, !own && p.Status == 404 && p.Param == "model":
		e.Code, e.Param = codeModel, "model"
	case e.Status == 413:
		e.Code, e.Param = codeTooLarge, ""
	case e.Status == 429, !own && (p.Code == codeRate || p.Type == typeRateLimit || isQuota(p)):
		e.Status = 429
		e.Type, e.Code, e.Param = typeRateLimit, codeRate, ""
		if class == refusal.Ended || class != refusal.Throttled && isQuota(p) {
			e.Type, e.Code = codeQuota, codeQuota
		}
	case e.Status >= 500:
		e.Type, e.Code, e.Param = hub.TypeServer, codeServer, ""
	}
	return e
}

// failureCode is the code of a response.error, for a problem that came in the midst.
func failureCode(p *hub.Problem) string {
	e := Create.Error(p)
	switch {
	case e.Code == refusal.PromptTooLong.Code(), e.Code == codeQuota, e.Code == codeRate:
		return e.Code
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
