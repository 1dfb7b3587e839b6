package hub

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// ReadReply reads a whole reply into v, and gives what v points into. A Problem means that it is
// none, or an error.
func ReadReply(body []byte, v *View) ([]byte, *Problem) {
	if err := v.Read(body); err != nil {
		return nil, BadUpstream("The model server's answer is not valid JSON: %v.", err)
	}
	return v.Flat(body), ErrorInReply(body, v)
}

// NoMessage is the problem of a reply or chunk with something else in the place of a message, its
// text or its calls.
func NoMessage() *Problem { return BadUpstream("The model server's answer holds no message.") }

// ErrorInReply finds an error that came with status 200 in the place of a reply, and
// gives it the status that its code names, 502 if that is no error status: a client
// must never see a 200 for an error. nil if the reply is none.
func ErrorInReply(body []byte, v *View) *Problem {
	if !v.IsError() {
		return nil
	}
	p := problemOf(jsonedit.Known(v.Error.Of(body)))
	p.Message = excerpt(p.Message, maxMessage)
	return p
}

func problemOf(e jsonedit.Value) *Problem {
	p := &Problem{
		Status: int(e.Get("code").Int()), Reason: "upstream_error",
		Type: e.Get("type").Text(), Param: e.Get("param").Text(), Message: e.Get("message").Text(),
	}
	if p.Status < 400 || p.Status > 599 {
		p.Status = 502
	}
	if code := e.Get("code"); code.Kind() == jsonedit.String && code.Int() == 0 {
		p.Code = code.Text()
	}
	// llama.cpp's, of a prompt that is too long
	p.PromptTokens, p.Window = tokens(e.Get("n_prompt_tokens")), tokens(e.Get("n_ctx"))
	if p.Type == "" {
		p.Type = TypeServer
	}
	if p.Message == "" {
		p.Message = e.Text()
	}
	p.Upstream = p.Status
	return p
}

// tokens is a count of tokens that can be, else 0.
func tokens(v jsonedit.Value) int {
	if n := v.Int(); n > 0 && n <= 1<<31-1 {
		return int(n)
	}
	return 0
}

// maxMessage is the most bytes of an upstream's message that are handed on. Some quote all
// of the request.
const maxMessage = 4 << 10

// UpstreamProblem reads an upstream's error reply, in any of the shapes that servers
// and the proxies before them use: {"error":{…}}, {"error":"…"}, {"message":"…"},
// {"detail":…}, or plain text.
func UpstreamProblem(status int, body []byte) *Problem {
	p := &Problem{}
	text := bytes.TrimSpace(body)
	if v, err := jsonedit.Parse(text); err == nil && v.Kind() == jsonedit.Object {
		switch e := v.Get("error"); {
		case e.Kind() == jsonedit.Object:
			p = problemOf(e)
		case e.Kind() == jsonedit.String:
			p.Message = e.Text()
		case v.Get("message").Exists():
			p = problemOf(v)
		case v.Get("detail").Exists():
			p.Message = v.Get("detail").Text()
		}
		if p.Message == "" {
			p.Message = string(text)
		}
	} else if len(text) > 0 && text[0] != '<' { // a page of HTML says nothing to a program's user
		p.Message = string(text)
	}
	p.Message = excerpt(p.Message, maxMessage)
	if p.Message == "" {
		p.Message = "The model server answered with status " + strconv.Itoa(status) + "."
	}
	p.Status, p.Upstream, p.Reason = status, status, "upstream_error"
	return p
}

// FinishWord is what a finish_reason means to all dialects. A model that is stopped for
// repeating itself was cut as at a limit, and a reason that nobody knows is an end.
func FinishWord(raw []byte) string {
	switch string(raw) {
	case "stop":
		return "stop"
	case "length", "repetition":
		return "length"
	case "tool_calls":
		return "tool_calls"
	case "content_filter":
		return "content_filter"
	case "function_call":
		return "function_call"
	case "error":
		return "error"
	case "abort":
		return "abort"
	}
	return "stop"
}

// NoteFinish notes the finish_reason of choice 0.
func (r *ReplyFacts) NoteFinish(raw []byte) {
	r.Finish, r.FinishSaid = FinishWord(raw), ""
	if r.Finish != string(raw) {
		r.FinishSaid = Excerpt(string(raw))
	}
}

// BrokenOff is the problem of a reply whose finish, a FinishWord, means that the answer is
// none; nil for every other.
func BrokenOff(finish string) *Problem {
	if finish != "error" && finish != "abort" {
		return nil
	}
	return BadUpstream("The model server broke its answer off (finish_reason %q).", finish)
}

// CutFinish is a FinishWord where calls say that the turn was cut: vLLM gives tool_calls (stop,
// for a named tool) over arguments that lack their end.
func CutFinish(finish string, calls *Calls) string {
	if finish != "content_filter" && calls.Open(false) {
		return "length"
	}
	return finish
}
