package editor

import (
	"bytes"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A Form says which parts of a request a route has, and with them which rules apply.
type Form struct {
	// ModelOptional: a request without a model is allowed and goes up without one.
	ModelOptional bool
	// Messages: messages, tools and chat_template_kwargs are there.
	Messages bool
	// Sampling: the profile's sampling values are set, and streams are asked for their usage.
	Sampling bool
	// Limits: max_tokens and max_completion_tokens are clamped.
	Limits bool
	// Prompt: messages or a prompt, messages first (/tokenize).
	Prompt bool
	// LateSystem is what becomes of late system messages where the configuration leaves
	// it to the dialect; ByDialect is Merge.
	LateSystem hub.LateSystem
}

// lateSystem is what becomes of late system messages.
func (f Form) lateSystem(t *hub.Turn) hub.LateSystem {
	switch {
	case t.LateSystem != hub.ByDialect:
		return t.LateSystem
	case f.LateSystem != hub.ByDialect:
		return f.LateSystem
	}
	return hub.Merge
}

// An Editor makes a request ready for the upstream in one pass. It is reused; a call
// of Edit leaves nothing of the request behind. It knows the order of the work, and of the
// fields the model and the prompt; each of its parts knows the fields that it reads, and is
// handed the text at each call, so that the zero Editor is ready.
type Editor struct {
	request  request
	form     Form
	messages messageList
	tools    tools
	format   answerFormat
	template templateArguments
	options  streamOptions
}

// Edit appends the request as the upstream shall see it to dst and fills in the
// turn's facts, or says what is wrong with it. Where a token limit may be over the
// window, it asks for that (hub.Turn.Need) and goes on when it is given: the Editor is
// in use until then. In body, halves of surrogate pairs may be overwritten.
func (ed *Editor) Edit(dst, body []byte, t *hub.Turn, form Form) ([]byte, *hub.Problem) {
	return ed.EditTrusted(dst, body, nil, t, form)
}

// EditTrusted is Edit of a request that a dialect has made: trusted are the values, in
// order, that it has read already, such as texts, lists of tools in the hub's form that
// are not empty, and arguments of calls that hold an object.
func (ed *Editor) EditTrusted(dst, body []byte, trusted []jsonedit.Span, t *hub.Turn, form Form) ([]byte, *hub.Problem) {
	ed.form = form
	ed.begin(body, trusted, t)
	if p := ed.read(trusted); p != nil {
		ed.request.release()
		return dst, p
	}
	if _, known := t.Window(); !known && form.Limits && limited(&ed.request) {
		t.AskWindow(func(dst []byte) ([]byte, *hub.Problem) { return ed.apply(dst), nil })
		return dst, nil
	}
	return ed.apply(dst), nil
}

// begin makes everything ready for a request.
func (ed *Editor) begin(body []byte, trusted []jsonedit.Span, t *hub.Turn) {
	ed.request.begin(body, trusted, t)
	ed.messages.reset()
	ed.tools.reset()
	ed.format.reset()
	ed.template.reset()
	ed.options.reset()
}

// read walks the request and records all edits but those of token limits.
func (ed *Editor) read(trusted []jsonedit.Span) *hub.Problem {
	dropped := &ed.request.turn.Request.DroppedFields
	before := *dropped
	if k := ed.request.scanner.Kind(); k != jsonedit.Object && k != jsonedit.Invalid {
		return hub.BadRequest("", "The request body must be a JSON object.")
	}
	ed.scan()
	if err := ed.request.scanner.Finish(); err != nil {
		return hub.BadRequest("", "The request body is not valid JSON: %v.", err)
	}
	if ed.form.Messages && len(trusted) == 0 {
		if sorted := sortResults(&ed.request.document, &ed.messages); sorted != nil {
			ed.begin(sorted, nil, ed.request.turn)
			*dropped = before // this scan finds them again
			ed.scan()
		}
	}
	return ed.finish()
}

// apply writes the edited request.
func (ed *Editor) apply(dst []byte) []byte {
	if ed.form.Limits {
		clampLimits(&ed.request)
	}
	dst = ed.request.write(dst)
	ed.request.release()
	return dst
}

// scan walks the request once, recording edits as it goes.
func (ed *Editor) scan() {
	r := &ed.request
	s := &r.scanner
	r.members.Begin(s.BeginObject())
	for s.NextMember() {
		key := s.KeySpan()
		if denied(s.Key(), r.turn) {
			r.members.Drop(r.members.Add(key, s.Value()))
			continue
		}
		n := keyNumber(s.Key())
		var v jsonedit.Span
		switch {
		case n == keyMessages && ed.form.Messages:
			v = ed.messages.scan(&r.document)
		case n == keyKwargs && ed.form.Messages:
			v = ed.template.scan(&r.document)
		case n == keyTools && ed.form.Messages:
			v = ed.tools.scan(&r.document)
		case n == keyStreamOptions && ed.form.Sampling:
			v = ed.options.scan(&r.document)
		default:
			v = s.Value()
		}
		member := r.members.Add(key, v)
		if n >= 0 {
			r.set(&r.fields[n], field{member, v}, &r.members)
		}
	}
}

// finish makes the edits that need the whole request to be known.
func (ed *Editor) finish() *hub.Problem {
	r := &ed.request
	r.turn.Request.ListInReply(hub.DroppedFieldsHeader, &r.turn.Request.DroppedFields)
	if p := ed.model(); p != nil {
		return p
	}
	if ed.form.Prompt {
		if p := ed.prompt(); p != nil {
			return p
		}
	}
	if p := ed.booleans(); p != nil {
		return p
	}
	listed := r.kind(keyMessages) == jsonedit.Array
	if ed.form.Messages && listed {
		if ed.tools.callable(r) {
			if p := ed.format.read(r); p != nil {
				return p
			}
		}
		if p := placeSystem(&r.document, &ed.messages, ed.form.lateSystem(r.turn), ed.format.words); p != nil {
			return p
		}
	}
	// A bare prompt (/tokenize) meets no template.
	if ed.form.Messages && (!ed.form.Prompt || listed) {
		if p := ed.template.setThinking(r, ed.form.Prompt); p != nil {
			return p
		}
		ed.tools.finish(r)
	}
	facts := &r.turn.Request
	facts.Choices = 1
	if n, ok := integer(r.literal(keyN)); ok && r.kind(keyN) == jsonedit.Number {
		facts.Choices = n
	}
	if ed.form.Sampling && facts.Model != nil {
		setSampling(r)
		facts.Tools, facts.NoCalls = ed.tools.named(r), ed.tools.forbidden(r)
		if p := holdStops(r, ed.tools.callable(r)); p != nil {
			return p
		}
		ed.options.askUsage(r)
	}
	return nil
}

// booleans holds what is read here as true or false to being one of them. A server takes "true"
// and 1 for true as well, and would answer another request than the one that is looked at here.
func (ed *Editor) booleans() *hub.Problem {
	r := &ed.request
	for _, f := range [...]struct {
		read bool
		kind jsonedit.Kind
		name string
	}{
		{ed.form.Messages, r.kind(keyContinue), "continue_final_message"},
		{ed.form.Sampling, r.kind(keyStream), "stream"},
		{ed.form.Sampling, r.kind(keyIncludeStop), "include_stop_str_in_output"},
		{ed.form.Sampling, ed.options.includeUsage.kind(r.src), "stream_options.include_usage"},
		{ed.form.Sampling, ed.options.counts.kind(r.src), "stream_options.continuous_usage_stats"},
	} {
		switch f.kind {
		case jsonedit.True, jsonedit.False, jsonedit.Null:
		default:
			if f.read {
				return hub.BadRequest(f.name, "%s must be true or false.", f.name)
			}
		}
	}
	return nil
}

// model resolves the name of the model, and puts the served one in its place.
func (ed *Editor) model() *hub.Problem {
	r := &ed.request
	t := r.turn
	switch r.kind(keyModel) {
	case jsonedit.String:
	case jsonedit.Null:
		if ed.form.ModelOptional {
			return nil
		}
		return hub.BadRequest("model", "The request names no model. The models are %s.", strings.Join(t.Catalog.Listed(), ", "))
	default:
		return hub.BadRequest("model", "model must be a string. The models are %s.", strings.Join(t.Catalog.Listed(), ", "))
	}
	if t.Request.Hints.Session == "" {
		metadata := jsonedit.Known(r.literal(keyMetadata))
		t.Request.Hints.Note(metadata.Get("sessionId").Text(), metadata.Get("promptId").Text())
		t.Request.Hints.Note(jsonedit.Known(r.literal(keyCacheKey)).Text(), "")
	}
	name := r.literal(keyModel)
	if p := t.Resolve(name); p != nil {
		return p
	}
	r.scratch = jsonedit.AppendQuoted(r.scratch[:0], t.Request.Model.Target.Model)
	if !bytes.Equal(r.scratch, name) {
		at := r.fields[keyModel].value
		r.edits.Replace(at.Start, at.End, r.scratch)
		r.changed(hub.ChangedModel)
	}
	return nil
}

// prompt holds /tokenize's rule: messages count before a prompt, one of them must be there.
func (ed *Editor) prompt() *hub.Problem {
	r := &ed.request
	switch r.kind(keyMessages) {
	case jsonedit.Array:
		if len(ed.messages.noted) == 0 {
			return hub.BadRequest("messages", "messages is empty; it must hold at least one message.")
		}
		if !r.fields[keyPrompt].value.Absent() {
			r.drop(keyPrompt)
			r.changed(hub.PromptDropped)
		}
	case jsonedit.Null:
		if r.kind(keyPrompt) == jsonedit.Null {
			return hub.BadRequest("messages", "Either messages or prompt is required.")
		}
	default:
		return hub.BadRequest("messages", "messages must be a list.")
	}
	return nil
}
