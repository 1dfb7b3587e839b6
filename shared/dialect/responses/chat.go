package responses

import (
	"slices"

	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/editor"
	"github.com/qwenvoy/qwenvoy/shared/history"
	"github.com/qwenvoy/qwenvoy/shared/hub"
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
	c.chat = talk.history.Append(c.chat, history.Options{System: talk.system, DropEmptyTurns: true, ImageNote: history.ImageNote,
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

//go:noinline
func (c *chatRequest) put(text string) { c.chat = jsonedit.Put(c.chat, text) }

// member writes a member, nothing where it has no value.
//
//go:noinline
func (c *chatRequest) member(name string, value []byte) {
	c.chat = jsonedit.PutMember(c.chat, name, value)
}

// writePassed writes the client's own words for the server. An effort is none of them: it is
// that of reasoning, and graded.
func (c *chatRequest) writePassed(r *reader, k kind, compacting bool) {
	for i := range hub.PassedFields {
		f := &hub.PassedFields[i]
		if i != hub.PassedEffort && (f.Prompt || k != inputTokens) && !(f.Shapes && compacting) {
			c.member(f.Name, r.passedField(i))
		}
	}
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
