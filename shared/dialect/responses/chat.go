package responses

import (
	"slices"

	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/editor"
	"github.com/qwenvoy/qwenvoy/shared/history"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A chatRequest is the chat request that is written of a request, for the Editor to finish.
type chatRequest struct {
	chat []byte
	// trusted are the values in chat that need no second look.
	trusted []jsonedit.Span
	editor  editor.Editor
}

// begin writes the model and the messages.
func (c *chatRequest) begin(model []byte, talk *conversation) {
	c.chat, c.trusted = append(c.chat[:0], '{'), c.trusted[:0]
	if model != nil {
		c.chat = jsonedit.PutBetween(c.chat, `"model":`, model, ",")
	}
	c.put(`"messages":`)
	c.chat = talk.history.Append(c.chat, history.Options{System: talk.system, DropEmptyTurns: true, ImageNote: "The image follows.",
		Trusted: &c.trusted})
}

// writeTools writes the tools, and tells whether there are some.
func (c *chatRequest) writeTools(tools *toolset.Set) bool {
	var list jsonedit.Span
	if c.chat, list = tools.AppendTools(c.chat); list.Absent() {
		return false
	}
	c.trusted = append(c.trusted, list)
	return true
}

func (c *chatRequest) put(text string) { c.chat = jsonedit.Put(c.chat, text) }

// member writes a member, nothing where it has no value.
func (c *chatRequest) member(name string, value []byte) {
	c.chat = jsonedit.PutMember(c.chat, name, value)
}

// templateKwargs are the chat_template_kwargs: the client's, and before them what follows
// from its other words.
type templateKwargs struct {
	own   []byte
	names []string // of the client's
	front []byte
	// off: the client's own switch the thinking off.
	off bool
}

func (k *templateKwargs) read(s *jsonedit.Scanner, own []byte) {
	if k.own = own; own == nil {
		return
	}
	s.Reset(own)
	for s.BeginObject(); s.NextMember(); {
		name := string(s.Key())
		k.names = append(k.names, name)
		if v := s.Value(); name == "enable_thinking" {
			k.off = own[v.Start] == 'f'
		}
	}
}

// addContext says whose thinking the template shows the model again.
func (k *templateKwargs) addContext(context []byte) {
	switch string(context) {
	case "all_turns":
		k.add("preserve_thinking", "true")
	case "current_turn":
		k.add("preserve_thinking", "false")
	}
}

func (k *templateKwargs) add(name, value string) {
	if !slices.Contains(k.names, name) {
		k.front = jsonedit.Put(jsonedit.Put(append(k.front, '"'), name), `":`)
		k.front = append(jsonedit.Put(k.front, value), ',')
	}
}

func (k *templateKwargs) append(dst []byte) []byte {
	if k.own == nil && len(k.front) == 0 {
		return dst
	}
	dst = jsonedit.Put(dst, `,"chat_template_kwargs":`)
	if len(k.front) == 0 {
		return jsonedit.PutBytes(dst, k.own)
	}
	dst = jsonedit.PutBytes(append(dst, '{'), k.front)
	if k.own == nil || jsonedit.IsEmpty(k.own) {
		return append(dst[:len(dst)-1], '}')
	}
	return jsonedit.PutBytes(dst, k.own[1:])
}

// write makes the chat request of what was gathered.
func (r *translation) write() {
	c := &r.chatRequest
	c.begin(r.raw(keyModel), &r.conversation)
	offers := c.writeTools(&r.tools)
	var kwargs templateKwargs
	kwargs.read(&r.small, r.raw(keyKwargs))
	kwargs.addContext(r.reasoning.context)
	effort := r.reasoning.graded(r.turn, kwargs.off)
	if r.kind == inputTokens {
		if effort != "" {
			kwargs.add("reasoning_effort", `"`+effort+`"`)
		}
		c.chat = kwargs.append(c.chat)
		c.member(verbatim[processorKwargs].name, r.extra(processorKwargs))
		c.put("}")
		return
	}
	if offers {
		c.chat = r.tools.AppendChoice(c.chat)
		if !r.compacting {
			c.member("parallel_tool_calls", r.raw(keyParallel))
		}
	}
	if effort != "" {
		c.put(`,"reasoning_effort":"`)
		c.put(effort)
		c.put(`"`)
	}
	c.chat = kwargs.append(c.chat)
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
	for i, v := range verbatim {
		if !r.compacting || !v.shapes {
			c.member(v.name, r.extra(i))
		}
	}
	if r.turn.Request.Streamed {
		c.put(`,"stream":true`)
	}
	c.put("}")
}

// writeForm writes which form the text shall have, and whether its tokens are wanted.
func (r *translation) writeForm() {
	c := &r.chatRequest
	if r.format.kind != plainText && !r.tools.Callable() {
		c.chat = r.format.appendMember(c.chat)
	}
	if r.req.logprobs {
		c.put(`,"logprobs":true`)
		if v := r.raw(keyTopLogprobs); v != nil && string(v) != "0" {
			c.member("top_logprobs", v)
		}
	}
}
