package hub

import (
	"bytes"
	"math"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A View says where things stand in a reply of the upstream: a whole one or a chunk
// of a stream. It is reused; its spans point into the bytes last read.
type View struct {
	Model jsonedit.Span
	// Error is the top-level error, absent when it is missing or null.
	Error jsonedit.Span
	// Choices is what choices holds; HasChoices tells an empty list from none.
	Choices    []Choice
	HasChoices bool
	Usage      Usage
	HasUsage   bool
	// UsageAt is where it stands.
	UsageAt jsonedit.Span

	// listed: a text of a message is a list.
	listed bool
	s      jsonedit.Scanner
}

// A Choice is one element of choices.
type Choice struct {
	Index int
	// Finish is the finish_reason literal, absent when it is missing or null.
	Finish jsonedit.Span
	// Message holds the members of message or delta.
	Message jsonedit.Members
	// HasMessage tells an empty message or delta from none, Misshapen one that can't be read: no
	// object, the text of a completion, or in it a text or list of calls that is something else.
	HasMessage, Misshapen                                    bool
	Content, Reasoning, ReasoningContent, ToolCalls, Refusal Member
	// FunctionCall is a call in the old form, an object, absent for none.
	FunctionCall jsonedit.Span
	// StopAt, LogprobsAt and TokensAt are where stop_reason, logprobs and token_ids stand, null or not.
	StopAt, LogprobsAt, TokensAt jsonedit.Span
	// StopReason is vLLM's stop_reason and Logprobs the logprobs, absent when missing or null.
	StopReason, Logprobs jsonedit.Span
	// Text is what /v1/completions says in the place of a message.
	Text jsonedit.Span
	// Versioned: weight_versions stands there, null or not, as since vLLM 0.33.
	Versioned bool
}

// Empty tells whether a whole reply's choice is no answer: it has a message that says nothing, and
// no finish_reason that would say why.
func (c *Choice) Empty(src []byte) bool {
	return c.HasMessage && len(Literal(src, c.Finish)) == 0 && !c.says(src)
}

// says tells whether there is something of an answer in the choice.
func (c *Choice) says(src []byte) bool {
	for _, text := range [...]jsonedit.Span{c.Content.Value, c.Reasoning.Value, c.ReasoningContent.Value, c.Refusal.Value, c.Text} {
		if len(Literal(src, text)) > 0 {
			return true
		}
	}
	return c.Calls(src) != nil || !c.FunctionCall.Absent()
}

// Calls is the list of tool calls, nil where there are none.
func (c *Choice) Calls(src []byte) []byte {
	at := c.ToolCalls.Value
	if at.Absent() || src[at.Start] != '[' || jsonedit.IsEmpty(at.Of(src)) {
		return nil
	}
	return at.Of(src)
}

// A Member is a key of a message with its value; the zero Member is absent.
type Member struct {
	Number     int // in Choice.Message
	Key, Value jsonedit.Span
}

// Literal is the inside of a string literal, nil for what is none.
func Literal(src []byte, at jsonedit.Span) []byte {
	if at.Absent() || src[at.Start] != '"' {
		return nil
	}
	return src[at.Start+1 : at.End-1]
}

// A Head is how the chunks of one stream begin: alike, up to their choices. What was
// read there once need not be read in each chunk.
type Head struct {
	text  []byte
	model jsonedit.Span
}

// IsError tells whether the reply is an error.
func (v *View) IsError() bool { return !v.Error.Absent() && len(v.Choices) == 0 }

// Read reads a whole reply. An error means that it is not a JSON object.
func (v *View) Read(src []byte) error { return v.ReadChunk(src, nil) }

// ReadChunk reads a chunk of the stream that h belongs to.
func (v *View) ReadChunk(src []byte, h *Head) error {
	s := &v.s
	v.Model, v.Error, v.Choices, v.HasChoices, v.Usage, v.HasUsage = jsonedit.Span{}, jsonedit.Span{}, v.Choices[:0], false, Usage{}, false
	v.listed = false
	if h != nil && len(h.text) > 0 && bytes.HasPrefix(src, h.text) {
		s.Resume(src, len(h.text))
		v.Model = h.model
		v.choices(src)
	} else {
		s.Reset(src)
		s.BeginObject()
	}
	for s.NextMember() {
		switch string(s.Key()) {
		case "model":
			v.Model = s.Value()
		case "error":
			if s.Kind() == jsonedit.Null {
				s.Value()
			} else {
				v.Error = s.Value()
			}
		case "choices":
			if h != nil && v.Error.Absent() && !v.HasUsage && !v.HasChoices {
				h.text, h.model = jsonedit.PutBytes(h.text[:0], src[:s.Pos()]), v.Model
			}
			v.choices(src)
		case "usage":
			if s.Kind() == jsonedit.Object {
				v.UsageAt.Start = s.Start()
				v.usage(src)
				v.UsageAt.End = s.Pos()
			} else {
				s.Value()
			}
		default:
			s.Value()
		}
	}
	return s.Finish()
}

func (v *View) choices(src []byte) {
	s := &v.s
	if s.Kind() != jsonedit.Array {
		s.Value()
		return
	}
	v.HasChoices, v.Choices = true, v.Choices[:0]
	for s.BeginArray(); s.NextElement(); {
		if s.Kind() == jsonedit.Object {
			v.choice(src)
		} else {
			s.Value()
		}
	}
}

func (v *View) choice(src []byte) {
	s := &v.s
	if len(v.Choices) < cap(v.Choices) {
		v.Choices = v.Choices[:len(v.Choices)+1] // with the Members buffer that it had
	} else {
		v.Choices = append(v.Choices, Choice{})
	}
	c := &v.Choices[len(v.Choices)-1]
	*c = Choice{Message: c.Message}
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "index":
			c.Index, _ = strconv.Atoi(string(s.Value().Of(src)))
		case "finish_reason":
			if s.Kind() == jsonedit.String {
				c.Finish = s.Value()
			} else {
				s.Value()
			}
		case "stop_reason":
			null := s.Kind() == jsonedit.Null
			if c.StopAt = s.Value(); !null {
				c.StopReason = c.StopAt
			}
		case "logprobs":
			object := s.Kind() == jsonedit.Object
			if c.LogprobsAt = s.Value(); object {
				c.Logprobs = c.LogprobsAt
			}
		case "token_ids":
			c.TokensAt = s.Value()
		case "weight_versions":
			c.Versioned = true
			s.Value()
		case "message", "delta":
			if s.Kind() == jsonedit.Object {
				v.message(src, c)
				continue
			}
			c.Misshapen = c.Misshapen || s.Kind() != jsonedit.Null
			s.Value()
		case "text":
			c.Misshapen = c.Misshapen || !c.HasMessage && s.Kind() != jsonedit.Null
			c.Text = s.Value()
		default:
			s.Value()
		}
	}
}

func (v *View) message(src []byte, c *Choice) {
	s := &v.s
	// Of two, the last counts: what was noted of the first belongs to another object.
	c.HasMessage, c.Content, c.Reasoning, c.ReasoningContent, c.ToolCalls = true, Member{}, Member{}, Member{}, Member{}
	c.Refusal, c.FunctionCall, c.Misshapen = Member{}, jsonedit.Span{}, false
	for c.Message.Begin(s.BeginObject()); s.NextMember(); {
		key := s.KeySpan()
		var m *Member
		switch string(s.Key()) {
		case "content":
			m = &c.Content
		case "reasoning":
			m = &c.Reasoning
		case "reasoning_content":
			m = &c.ReasoningContent
		case "tool_calls":
			m = &c.ToolCalls
		case "refusal":
			m = &c.Refusal
		case "function_call":
			if s.Kind() == jsonedit.Object {
				c.FunctionCall = s.Value()
				c.Message.Add(key, c.FunctionCall)
				continue
			}
		}
		kind := s.Kind()
		value := s.Value()
		if value.Absent() { // broken
			return
		}
		n := c.Message.Add(key, value)
		if m == nil {
			continue
		}
		*m = Member{n, key, value}
		switch {
		case kind == jsonedit.Null, kind == jsonedit.String && m != &c.ToolCalls, kind == jsonedit.Array && m == &c.ToolCalls, m == &c.Refusal:
		case kind == jsonedit.Array:
			v.listed, c.Misshapen = true, true // until Flat has read it
		default:
			c.Misshapen = c.Misshapen || kind != jsonedit.Object || !jsonedit.IsEmpty(value.Of(src))
		}
	}
}

// Flat is src, which v holds, with each text that came as a list of parts in one piece, as the
// API has it, and reads it again: some servers answer in the shape that requests may have. A list
// with anything else in it stays, and its choice is misshapen.
func (v *View) Flat(src []byte) []byte {
	if !v.listed {
		return src
	}
	var e jsonedit.Edits
	for i := range v.Choices {
		c := &v.Choices[i]
		for _, at := range [...]jsonedit.Span{c.Content.Value, c.Reasoning.Value, c.ReasoningContent.Value} {
			if at.Absent() || src[at.Start] != '[' {
				continue
			}
			if text, ok := joined(at.Of(src)); ok {
				e.Replace(at.Start, at.End, text)
			}
		}
	}
	flat := e.Apply(nil, src)
	if v.Read(flat) != nil {
		return src // what was read once is read again
	}
	return flat
}

// joined is a list of text parts as one text; ok is false where the list holds something else.
func joined(list []byte) (text []byte, ok bool) {
	text, ok = append(text, '"'), true
	jsonedit.Known(list).Each(func(_ []byte, part jsonedit.Value) bool {
		said := part
		if part.Kind() == jsonedit.Object {
			said = part.Get("text")
			if kind := part.Get("type").Text(); kind != "text" && kind != "output_text" && kind != "" {
				ok = false
			}
		}
		if ok = ok && said.Kind() == jsonedit.String; ok {
			text = jsonedit.PutBytes(text, said.Raw()[1:len(said.Raw())-1])
		}
		return ok
	})
	return append(text, '"'), ok
}

func (v *View) usage(src []byte) {
	s := &v.s
	v.HasUsage = true
	number := func() int {
		n, _ := strconv.Atoi(string(s.Value().Of(src)))
		return min(max(n, 0), math.MaxInt32)
	}
	details := func() {
		if s.Kind() != jsonedit.Object {
			s.Value()
			return
		}
		for s.BeginObject(); s.NextMember(); {
			switch string(s.Key()) {
			case "cached_tokens":
				v.Usage.Cached = number()
			case "created_cache_tokens":
				v.Usage.Created = number()
			case "reasoning_tokens":
				v.Usage.Reasoning = number()
			default:
				s.Value()
			}
		}
	}
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "prompt_tokens":
			v.Usage.Prompt = number()
		case "completion_tokens":
			v.Usage.Completion = number()
		case "prompt_tokens_details", "completion_tokens_details":
			details()
		default:
			s.Value()
		}
	}
	u := &v.Usage
	u.Cached = min(u.Cached, u.Prompt)
	u.Created = min(u.Created, u.Prompt-u.Cached)
	u.Reasoning = min(u.Reasoning, u.Completion)
}
