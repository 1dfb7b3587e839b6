package responses

import (
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

// begin writes the model and the messages. The request that it is made of has size bytes.
func (c *chatRequest) begin(model []byte, talk *conversation, size int) {
	c.chat, c.trusted = append(jsonedit.Expect(c.chat[:0], size), '{'), c.trusted[:0]
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
// that of reasoning.
func (c *chatRequest) writePassed(r *reader, k kind, compacting bool) {
	for i := range hub.PassedFields {
		f := &hub.PassedFields[i]
		if i != hub.PassedEffort && (f.Prompt || k != inputTokens) && !(f.Shapes && compacting) {
			c.member(f.Name, r.passedField(i))
		}
	}
}
