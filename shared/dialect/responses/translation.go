package responses

import (
	"strconv"
	"strings"
	"sync"

	"github.com/qwenvoy/qwenvoy/shared/editor"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A translation makes a chat request of one request: it runs the steps, and holds who reads,
// who orders the history and who writes, with the buffers that the next request can have.
type translation struct {
	turn *hub.Turn
	kind kind
	req  *request

	reader
	small jsonedit.Scanner // of values that are read again

	// step is the next one of translate.
	step   int
	origin origin

	reasoning reasoning
	format    format
	// compacting: the model is asked for a summary, not for its turn.
	compacting bool

	conversation conversation
	chatRequest
}

var translations = sync.Pool{New: func() any { return new(translation) }}

// release gives the translation back without anything that refers to the request.
func (r *translation) release() {
	if max(cap(r.chat), r.conversation.history.Size()) > maxKept || r.reader.large() {
		return
	}
	r.turn, r.req = nil, nil
	r.compacting = false
	r.small.Reset(nil)
	r.reader.reset()
	r.conversation.reset()
	r.step, r.origin = 0, origin{}
	r.reasoning, r.format = reasoning{}, format{}
	translations.Put(r)
}

// Request implements hub.Dialect.
func (d Dialect) Request(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	r := translations.Get().(*translation)
	r.turn, r.kind, r.src = t, d.kind, body
	r.req = &request{id: responseID(t)}
	t.Request.State = r.req
	out, p := r.translate(dst)
	if p == nil && t.Need() != nil {
		return t.After(out, func(dst []byte) ([]byte, *hub.Problem) {
			r.release()
			return dst, nil
		})
	}
	r.release()
	return out, p
}

// translate runs the steps that come before anything is written, then writes. A step that
// asks the edge for something has the rest of them run when that is given.
func (r *translation) translate(dst []byte) ([]byte, *hub.Problem) {
	steps := [...]func(*translation) *hub.Problem{
		(*translation).scan, (*translation).model, (*translation).checkMeaning,
		(*translation).state, (*translation).leave, (*translation).background, (*translation).goOn,
		(*translation).parameters, (*translation).gather, (*translation).dropRepeated, (*translation).configure,
		(*translation).offer, (*translation).choose, (*translation).converse,
	}
	for r.step < len(steps) {
		step := steps[r.step]
		r.step++
		if p := step(r); p != nil || r.turn.Need() != nil {
			return dst, p
		}
	}
	form := editor.Form{Messages: true, Sampling: true, Limits: true}
	if r.kind == inputTokens {
		form = editor.Form{ModelOptional: true, Messages: true, Prompt: true}
	}
	r.write()
	out, p := r.editor.EditTrusted(dst, r.chat, r.trusted, r.turn, form)
	switch {
	case p != nil:
		if p.Code == "" && p.Status == 400 {
			p.Code = "invalid_value"
		}
		return dst, p
	case r.turn.Need() != nil:
		return r.turn.After(out, r.written)
	}
	return r.written(out)
}

// ask has the edge give something; then the steps go on behind given.
//
//go:noinline
func (r *translation) ask(n hub.Need, given func(g hub.Given) *hub.Problem) {
	r.turn.Ask(n, func(dst []byte, g hub.Given) ([]byte, *hub.Problem) {
		p := g.Problem
		if p == nil {
			p = given(g)
		}
		if p != nil || r.turn.Need() != nil {
			return dst, p
		}
		return r.translate(dst)
	})
}

// written leaves what the reply needs to know, when the chat request is there.
func (r *translation) written(dst []byte) ([]byte, *hub.Problem) {
	r.req.tools = r.tools.Table()
	if r.kind == create {
		r.req.echo = r.echo()
	}
	r.turn.Request.Kept = len(r.req.echo) + len(r.req.kept)
	if !r.req.background {
		return r.warmUp(dst)
	}
	w := newWriter(create, r.turn, false)
	object := w.appendResponse(nil, queued, nil)
	r.turn.Ask(hub.Need{Kind: hub.NeedStart, Object: object, Header: r.turn.Request.ReplyHeader, Response: w.response(queued)},
		func(dst []byte, g hub.Given) ([]byte, *hub.Problem) {
			if g.Problem != nil {
				return dst, g.Problem
			}
			return r.warmUp(dst)
		})
	return dst, nil
}

// warmsUp tells whether the model is to say nothing: the client gives what later
// requests go on from (generate: false).
func (r *translation) warmsUp() bool {
	return r.kind == create && !r.compacting && r.is(keyGenerate, "false")
}

// warmUp answers a request for which the model says nothing by a response that is
// completed and holds nothing.
func (r *translation) warmUp(dst []byte) ([]byte, *hub.Problem) {
	if !r.warmsUp() {
		return dst, nil
	}
	t := r.turn
	t.Reply.HasUsage = true // of zero tokens
	w := newWriter(create, t, t.Request.Streamed)
	answer := func(body []byte) ([]byte, *hub.Problem) {
		t.Request.Answer = &hub.Answer{Status: 200, Body: body}
		if t.Request.Streamed {
			t.Request.Answer.ContentType = "text/event-stream; charset=utf-8"
		}
		return body, nil
	}
	body := w.Finish(w.Begin(nil))
	if t.Need() == nil {
		_, _ = answer(body)
		return dst, nil
	}
	// The answer is a text of its own: what goes upstream is not used.
	return t.After(body, answer)
}

func (r *translation) model() *hub.Problem {
	switch literal := r.raw(keyModel); {
	case literal == nil && r.kind == inputTokens:
		return nil
	case literal == nil:
		p := hub.Missing("model")
		p.Message += " The models are " + strings.Join(r.turn.Catalog.Listed(), ", ") + "."
		return p
	case literal[0] != '"':
		return hub.WrongType("model", "a string")
	default:
		hint(&r.reader, &r.turn.Request.Hints)
		p := r.turn.Resolve(literal)
		if p != nil && p.Code == "" {
			p.Code = "model_not_found"
		}
		return p
	}
}

// scan reads the request.
func (r *translation) scan() *hub.Problem {
	r.conversation.begin(&r.reader, r.turn)
	return r.reader.read(r.src, &r.turn.Request)
}

// parameters reads what the request says of the turn beside its conversation and tools.
func (r *translation) parameters() *hub.Problem {
	if p := r.checkNumbers(); p != nil {
		return p
	}
	if p := r.checkOthers(); p != nil {
		return p
	}
	if r.raw(keyMaxOutput) == nil { // chat's word for it
		r.fields[keyMaxOutput] = r.fields[keyMaxCompletion]
	}
	if p := checkMetadata(&r.small, r.raw(keyMetadata)); p != nil {
		return p
	}
	var also included
	if p := also.read(&r.small, r.raw(keyInclude)); p != nil {
		return p
	}
	if p := r.reasoning.read(&r.small, r.raw(keyReasoning), r.passedField(hub.PassedEffort)); p != nil {
		return p
	}
	if p := r.format.read(&r.small, r.raw(keyText)); p != nil {
		return p
	}
	facts := &r.turn.Request
	facts.AsksThinking = r.reasoning.summary != nil
	limit := r.raw(keyMaxOutput)
	if limit == nil {
		limit = r.raw(keyMaxTokens)
	}
	if limit != nil {
		facts.Cap, _ = strconv.Atoi(string(limit))
	}
	facts.SingleCall = r.is(keyParallel, "false")
	logprobs, _ := strconv.Atoi(string(r.raw(keyTopLogprobs)))
	r.req.sealed, r.req.summary = also.sealed, r.reasoning.summary != nil
	r.req.logprobs = also.logprobs || logprobs > 0 || r.is(keyLogprobs, "true")
	return nil
}

// offer makes functions of the tools.
func (r *translation) offer() *hub.Problem {
	t := r.turn
	p := r.offerTools(t.RejectTools)
	t.Request.DroppedTools = r.tools.Dropped()
	if p == nil {
		t.Request.ListInReply(hub.DroppedToolsHeader, &t.Request.DroppedTools)
	}
	return p
}

// choose reads which tools the model may call.
func (r *translation) choose() *hub.Problem {
	if r.compacting { // the tools stay for the sake of the prefix cache
		r.tools.ForbidCalls()
		return nil
	}
	return r.tools.Choose(r.raw(keyToolChoice))
}

// converse turns instructions and items into the history.
func (r *translation) converse() *hub.Problem {
	c := &r.conversation
	c.history.Expect(len(r.src) + len(r.earlierText))
	if v := jsonedit.Inside(r.raw(keyInstructions)); v != nil {
		c.addSystem(v)
	}
	if p := c.addItems(r.instructions, 0); p != nil {
		return p
	}
	earlier, input := r.covered()
	if p := c.addItems(r.earlier, earlier); p != nil {
		return p
	}
	if v := r.raw(keyInput); jsonedit.IsString(v) {
		c.history.Message("user", v)
	}
	if p := c.addItems(r.input, input); p != nil {
		return p
	}
	r.turn.Request.ListInReply(hub.DroppedItemsHeader, &r.turn.Request.DroppedItems)
	if r.kind == compact {
		r.req.kept = r.appendKept(r.req.kept, r.turn.AppendID)
	}
	if r.compacting {
		if c.history.Len() == 0 {
			return hub.Missing("input")
		}
		c.history.Message("user", handOver)
	}
	if !c.history.Users() && !r.warmsUp() {
		p := hub.Missing("input")
		p.Message = "There is no message of a user in the input, and the model's template needs one."
		return p
	}
	return nil
}

// write makes the chat request of what was gathered.
func (r *translation) write() {
	c := &r.chatRequest
	c.begin(r.raw(keyModel), &r.conversation, len(r.src)+len(r.earlierText))
	offers := c.writeTools(&r.tools)
	c.member("reasoning_effort", r.reasoning.effort)
	c.member("chat_template_kwargs", r.raw(keyKwargs))
	if r.kind == inputTokens {
		if r.format.kind != plainText && r.tools.Callable() { // the Editor asks for it in words, which count
			c.chat = r.format.appendMember(c.chat)
		}
		c.writePassed(&r.reader, r.kind, r.compacting)
		c.put("}")
		return
	}
	if offers {
		c.chat = r.tools.AppendChoice(c.chat)
		if !r.compacting {
			c.member("parallel_tool_calls", r.raw(keyParallel))
		}
	}
	if !r.compacting {
		r.writeForm()
	}
	for _, f := range numbers {
		c.member(keyNames[f.key], r.raw(f.key))
	}
	if v := r.raw(keyMaxOutput); v != nil {
		c.member("max_completion_tokens", v)
	} else {
		c.member("max_tokens", r.raw(keyMaxTokens))
	}
	user := r.raw(keyUser)
	if user == nil {
		user = r.raw(keySafety)
	}
	c.member("user", user)
	c.writePassed(&r.reader, r.kind, r.compacting)
	if r.turn.Request.Streamed {
		c.put(`,"stream":true`)
	}
	c.put("}")
}

// writeForm writes which form the text shall have, and whether its tokens are wanted.
func (r *translation) writeForm() {
	c := &r.chatRequest
	if r.format.kind != plainText {
		c.chat = r.format.appendMember(c.chat)
	}
	if r.req.logprobs {
		c.put(`,"logprobs":true`)
		if v := r.raw(keyTopLogprobs); v != nil && string(v) != "0" {
			c.member("top_logprobs", v)
		}
	}
}
