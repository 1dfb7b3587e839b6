package messages

import (
	"slices"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/history"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A chatRequest is the chat request that is written of what was read and of the history. It decides
// nothing but what a field of the one is called in the other.
type chatRequest struct {
	read         *reader
	conversation *conversation

	text []byte
	// trusted are the values of text that were read already.
	trusted []jsonedit.Span
	scratch []byte
}

// write writes the request. prefill: the model goes on with the last message.
func (r *chatRequest) write(model, system []byte, prefill bool) {
	read := r.read
	r.trusted = r.trusted[:0]
	c := slices.Grow(r.text[:0], len(read.in.src)+1024)
	c = jsonedit.PutBetween(c, `{"model":`, model, "")
	if read.kind == create {
		c = r.appendLimits(c)
	}
	c = jsonedit.Put(c, `,"messages":`)
	c = r.conversation.history.Append(c, history.Options{System: system, ImageNote: "(image follows)", Trusted: &r.trusted})
	// Where tokens are counted it says what the Editor will put into words.
	counted := read.tools.sent > 0 && read.choice.kind != chooseNone
	if read.format != nil && (read.kind == create && read.fields.passed[hub.PassedFormat] == nil || read.kind == countTokens && counted) {
		c = jsonedit.PutBetween(c, `,"response_format":{"type":"json_schema","json_schema":{"name":"output","schema":`,
			read.format, `,"strict":true}}`)
	}
	c = r.appendTools(c)
	if prefill {
		c = jsonedit.Put(c, `,"add_generation_prompt":false,"continue_final_message":true`)
	}
	c = jsonedit.PutMember(c, "reasoning_effort", read.effort())
	for i, v := range &read.fields.passed {
		f := &hub.PassedFields[i]
		switch {
		case i == hub.PassedEffort, i == hub.PassedStop && len(read.req.stops) > 0: // written above
		case read.kind == create || f.Prompt:
			c = jsonedit.PutMember(c, f.Name, v)
		}
	}
	r.text = append(c, '}')
}

// appendLimits appends what /tokenize has no use for.
func (r *chatRequest) appendLimits(c []byte) []byte {
	read, f := r.read, &r.read.fields
	limit, _ := integer(f.maxTokens)
	limit = max(limit, 1) // the least that a server takes, where the prompt alone is meant
	c = strconv.AppendInt(jsonedit.Put(c, `,"max_completion_tokens":`), int64(limit), 10)
	if jsonedit.Is(f.stream, jsonedit.True) {
		// With continuous usage the first event tells the prompt's tokens, as message_start must.
		c = jsonedit.Put(c, `,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}`)
	}
	c = jsonedit.PutMember(c, "temperature", f.temperature)
	c = jsonedit.PutMember(c, "top_p", f.topP)
	c = jsonedit.PutMember(c, "top_k", f.topK)
	for i, stop := range read.req.stops {
		c = jsonedit.AppendQuoted(jsonedit.Put(c, [...]string{`,"stop":[`, `,`}[min(i, 1)]), stop)
	}
	if len(read.req.stops) > 0 {
		c = append(c, ']')
	}
	if read.turn.Messages.ForwardUser {
		if user := read.in.member(f.metadata, "user_id"); jsonedit.IsString(user) {
			c = jsonedit.PutMember(c, "user", user)
		}
	}
	return r.appendBudget(c, limit)
}

// appendTools appends the tools and what goes with them.
func (r *chatRequest) appendTools(c []byte) []byte {
	read := r.read
	if read.tools.sent == 0 {
		return c // an empty list, and a choice without tools, is a 400 of vLLM's
	}
	n, start := 0, len(c)+len(`,"tools":`)
	for _, list := range [...][]tool{read.tools.declared, read.tools.added} {
		for i := range list {
			if list[i].sent {
				c = jsonedit.Put(c, [...]string{`,"tools":[`, `,`}[min(n, 1)])
				c = r.appendTool(c, &list[i])
				n++
			}
		}
	}
	c = append(c, ']')
	r.trusted = append(r.trusted, jsonedit.Span{Start: start, End: len(c)})
	if read.kind == countTokens {
		return c
	}
	switch read.choice.kind {
	case chooseAuto:
		c = jsonedit.Put(c, `,"tool_choice":"auto"`)
	case chooseAny:
		c = jsonedit.Put(c, `,"tool_choice":"required"`)
	case chooseNone:
		c = jsonedit.Put(c, `,"tool_choice":"none"`)
	case chooseTool:
		c = jsonedit.PutBetween(c, `,"tool_choice":{"type":"function","function":{"name":`, read.choice.name, "}}")
	}
	if read.choice.single {
		c = jsonedit.Put(c, `,"parallel_tool_calls":false`)
	}
	return c
}

func (r *chatRequest) appendTool(c []byte, t *tool) []byte {
	c = jsonedit.PutBetween(c, `{"type":"function","function":{"name":`, t.name, "")
	description := jsonedit.Inside(t.description)
	if t.client != nil {
		r.scratch = jsonedit.AppendEscaped(r.scratch[:0], t.client.description)
		if t.width > 0 && t.height > 0 {
			r.scratch = strconv.AppendInt(jsonedit.Put(r.scratch, " The screen is "), int64(t.width), 10)
			r.scratch = strconv.AppendInt(jsonedit.Put(r.scratch, " pixels wide and "), int64(t.height), 10)
			r.scratch = jsonedit.Put(r.scratch, " high.")
		}
		description = r.scratch
	}
	if t.description != nil || t.client != nil || t.examples != nil {
		c = jsonedit.PutBetween(c, `,"description":"`, description, "")
		c = append(r.appendExamples(c, t.examples, len(description) > 0), '"')
	}
	c = jsonedit.Put(c, `,"parameters":`)
	switch {
	case t.client != nil:
		c = jsonedit.Put(c, t.client.schema)
	case t.schema == nil || jsonedit.IsEmpty(t.schema):
		c = jsonedit.Put(c, `{"type":"object","properties":{}}`)
	case t.typed:
		c = jsonedit.PutBytes(c, t.schema)
	default:
		c = jsonedit.PutBetween(c, `{"type":"object",`, t.schema[1:], "")
	}
	if jsonedit.IsBool(t.strict) {
		c = jsonedit.PutMember(c, "strict", t.strict)
	}
	return jsonedit.Put(c, "}}")
}

// appendExamples appends examples of input to a description, one to a line.
func (r *chatRequest) appendExamples(c, examples []byte, behind bool) []byte {
	if !jsonedit.Is(examples, jsonedit.Array) || jsonedit.IsEmpty(examples) {
		return c
	}
	if behind {
		c = jsonedit.Put(c, `\n\n`)
	}
	c = jsonedit.Put(c, "Examples of input:")
	s := r.read.in.enter(examples)
	defer r.read.in.leave(s)
	for s.BeginArray(); s.NextElement(); {
		c = jsonedit.AppendEscaped(jsonedit.Put(c, `\n`), s.Value().Of(examples))
	}
	return c
}

// appendBudget appends how much thinking is allowed; limit is max_tokens.
func (r *chatRequest) appendBudget(c []byte, limit int) []byte {
	budget := r.read.thinking.budget
	if budget == 0 || r.read.fields.passed[hub.PassedBudget] != nil {
		return c
	}
	// Something must be left to answer with, of max_tokens as the Editor clamps it.
	if window, _ := r.read.turn.Window(); window > 0 {
		limit = min(limit, window)
	}
	if budget = min(budget, limit-1); budget > 0 {
		c = strconv.AppendInt(jsonedit.Put(c, `,"thinking_token_budget":`), int64(budget), 10)
	}
	return c
}
