package editor

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
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

// The request keys that are read; the sampling keys follow, in the catalog's order.
const (
	keyModel = iota
	keyMessages
	keyPrompt
	keyKwargs
	keyEffort
	keyTools
	keyToolChoice
	keyMaxTokens
	keyMaxCompletionTokens
	keyStream
	keyStreamOptions
	keyN
	keySampling
	keyCount = keySampling + len(catalog.SamplingKeys)
)

func keyNumber(key []byte) int {
	switch string(key) {
	case "model":
		return keyModel
	case "messages":
		return keyMessages
	case "prompt":
		return keyPrompt
	case "chat_template_kwargs":
		return keyKwargs
	case "reasoning_effort":
		return keyEffort
	case "tools":
		return keyTools
	case "tool_choice":
		return keyToolChoice
	case "max_tokens":
		return keyMaxTokens
	case "max_completion_tokens":
		return keyMaxCompletionTokens
	case "stream":
		return keyStream
	case "stream_options":
		return keyStreamOptions
	case "n":
		return keyN
	case "temperature":
		return keySampling
	case "top_p":
		return keySampling + 1
	case "top_k":
		return keySampling + 2
	case "min_p":
		return keySampling + 3
	case "presence_penalty":
		return keySampling + 4
	case "repetition_penalty":
		return keySampling + 5
	}
	return -1
}

// field is a key that was read: its member's number and its value; the zero field is absent.
type field struct {
	member int
	value  jsonedit.Span
}

func (f field) kind(src []byte) jsonedit.Kind {
	if f.value.Absent() {
		return jsonedit.Null
	}
	return jsonedit.KindOf(src[f.value.Start])
}

// An Editor makes a request ready for the upstream in one pass. It is reused; a call
// of Edit leaves nothing of the request behind.
type Editor struct {
	src     []byte
	turn    *hub.Turn
	form    Form
	s       jsonedit.Scanner
	e       jsonedit.Edits
	top     jsonedit.Members
	insert  []byte // what goes to the front of the request
	fields  [keyCount]field
	problem *hub.Problem

	messages     []message
	messageList  jsonedit.Members
	message      jsonedit.Members
	call         jsonedit.Members
	text         []byte
	merged       []byte // the system messages that become one
	hasTools     bool
	tool         jsonedit.Members
	kwargs       jsonedit.Members
	enable       field
	options      jsonedit.Members
	includeUsage field
	continuous   bool
	part         jsonedit.Scanner
}

// Edit appends the request as the upstream shall see it to dst and fills in the
// turn's facts, or says what is wrong with it. Where a token limit may be over the
// window, it asks for that (hub.Turn.Need) and goes on when it is given: the Editor is
// in use until then.
func (ed *Editor) Edit(dst, body []byte, t *hub.Turn, form Form) ([]byte, *hub.Problem) {
	return ed.EditTrusted(dst, body, nil, t, form)
}

// EditTrusted is Edit of a request that a dialect has made: trusted are the values, in
// order, that it has read already, such as texts, lists of tools in the hub's form that
// are not empty, and arguments of calls that hold an object.
func (ed *Editor) EditTrusted(dst, body []byte, trusted []jsonedit.Span, t *hub.Turn, form Form) ([]byte, *hub.Problem) {
	ed.src, ed.turn, ed.form, ed.problem = body, t, form, nil
	ed.e.Reset()
	ed.insert, ed.messages = ed.insert[:0], ed.messages[:0]
	ed.fields = [keyCount]field{}
	ed.hasTools, ed.enable, ed.includeUsage, ed.continuous = false, field{}, field{}, false

	ed.s.Reset(body)
	ed.s.Trust(trusted)
	if p := ed.read(); p != nil {
		ed.release()
		return dst, p
	}
	if _, known := t.Window(); !known && form.Limits && ed.limited() {
		t.AskWindow(func(dst []byte) ([]byte, *hub.Problem) { return ed.apply(dst), nil })
		return dst, nil
	}
	return ed.apply(dst), nil
}

// read walks the request and records all edits but those of token limits.
func (ed *Editor) read() *hub.Problem {
	if k := ed.s.Kind(); k != jsonedit.Object && k != jsonedit.Invalid {
		return hub.BadRequest("", "The request body must be a JSON object.")
	}
	ed.scan()
	if err := ed.s.Finish(); err != nil {
		return hub.BadRequest("", "The request body is not valid JSON: %v.", err)
	}
	if ed.problem != nil {
		return ed.problem
	}
	return ed.finish()
}

// apply writes the edited request.
func (ed *Editor) apply(dst []byte) []byte {
	if ed.form.Limits {
		ed.limits()
	}
	ed.top.Commit(&ed.e, ed.insert)
	dst = ed.e.Apply(slices.Grow(dst, len(ed.src)+1024), ed.src)
	ed.release()
	return dst
}

// release forgets the request.
func (ed *Editor) release() { ed.src, ed.turn = nil, nil }

// scan walks the request once, recording edits as it goes.
func (ed *Editor) scan() {
	s := &ed.s
	ed.top.Begin(s.BeginObject())
	for s.NextMember() {
		key := s.KeySpan()
		n := keyNumber(s.Key())
		var v jsonedit.Span
		switch {
		case n == keyMessages && ed.form.Messages:
			v = ed.scanMessages()
		case n == keyKwargs && ed.form.Messages:
			v = ed.scanKwargs()
		case n == keyTools && ed.form.Messages:
			v = ed.scanTools()
		case n == keyStreamOptions && ed.form.Sampling:
			v = ed.scanStreamOptions()
		default:
			v = s.Value()
		}
		member := ed.top.Add(key, v)
		if n < 0 {
			continue
		}
		if old := ed.fields[n]; !old.value.Absent() {
			// The upstream reads the last one; so the first ones must not stay to be
			// read by anybody else. Edits made in them go with them.
			ed.top.Drop(old.member)
			ed.turn.Request.Changes |= hub.DuplicatesDropped
		}
		ed.fields[n] = field{member, v}
	}
}

func (ed *Editor) kind(n int) jsonedit.Kind { return ed.fields[n].kind(ed.src) }

// finish makes the edits that need the whole request to be known.
func (ed *Editor) finish() *hub.Problem {
	t := ed.turn
	if p := ed.model(); p != nil {
		return p
	}
	if ed.form.Prompt {
		if p := ed.prompt(); p != nil {
			return p
		}
	}
	if ed.form.Messages && ed.kind(keyMessages) == jsonedit.Array {
		if p := ed.placeSystem(); p != nil {
			return p
		}
	}
	// A bare prompt (/tokenize) meets no template.
	if ed.form.Messages && (!ed.form.Prompt || ed.kind(keyMessages) == jsonedit.Array) {
		if p := ed.thinking(); p != nil {
			return p
		}
		ed.tools()
	}
	if ed.form.Sampling && t.Request.Model != nil {
		ed.sampling()
		ed.usage()
	}
	t.Request.Choices = 1
	if n, ok := integer(ed.fields[keyN].value.Of(ed.src)); ok && ed.kind(keyN) == jsonedit.Number {
		t.Request.Choices = n
	}
	return nil
}

func (ed *Editor) model() *hub.Problem {
	t, f := ed.turn, ed.fields[keyModel]
	switch ed.kind(keyModel) {
	case jsonedit.String:
	case jsonedit.Null:
		if ed.form.ModelOptional {
			return nil
		}
		return hub.BadRequest("model", "The request names no model. The models are %s.", strings.Join(t.Catalog.Listed(), ", "))
	default:
		return hub.BadRequest("model", "model must be a string. The models are %s.", strings.Join(t.Catalog.Listed(), ", "))
	}
	literal := f.value.Of(ed.src)
	if p := t.Resolve(literal); p != nil {
		return p
	}
	ed.text = jsonedit.AppendQuoted(ed.text[:0], t.Request.Model.Target.Model)
	if !bytes.Equal(ed.text, literal) {
		ed.e.Replace(f.value.Start, f.value.End, ed.text)
		t.Request.Changes |= hub.ChangedModel
	}
	return nil
}

// prompt holds /tokenize's rule: messages count before a prompt, one of them must be there.
func (ed *Editor) prompt() *hub.Problem {
	switch ed.kind(keyMessages) {
	case jsonedit.Array:
		if len(ed.messages) == 0 {
			return hub.BadRequest("messages", "messages is empty; it must hold at least one message.")
		}
		if f := ed.fields[keyPrompt]; !f.value.Absent() {
			ed.top.Drop(f.member)
			ed.turn.Request.Changes |= hub.PromptDropped
		}
	case jsonedit.Null:
		if ed.kind(keyPrompt) == jsonedit.Null {
			return hub.BadRequest("messages", "Either messages or prompt is required.")
		}
	default:
		return hub.BadRequest("messages", "messages must be a list.")
	}
	return nil
}

func (ed *Editor) scanKwargs() jsonedit.Span {
	s := &ed.s
	ed.enable = field{}
	if s.Kind() != jsonedit.Object {
		return s.Value()
	}
	start := s.Start()
	ed.kwargs.Begin(s.BeginObject())
	for s.NextMember() {
		key, enable := s.KeySpan(), string(s.Key()) == "enable_thinking"
		v := s.Value()
		i := ed.kwargs.Add(key, v)
		if enable {
			if !ed.enable.value.Absent() {
				ed.kwargs.Drop(ed.enable.member)
			}
			ed.enable = field{i, v}
		}
	}
	return jsonedit.Span{Start: start, End: s.Pos()}
}

// thinking decides the effective state and tells the template.
func (ed *Editor) thinking() *hub.Problem {
	t, kwargs := ed.turn, ed.fields[keyKwargs]
	kind := ed.kind(keyKwargs)
	if kind != jsonedit.Object && kind != jsonedit.Null {
		return hub.BadRequest("chat_template_kwargs", "chat_template_kwargs must be an object.")
	}
	if t.Request.Model == nil {
		if kind == jsonedit.Object {
			ed.kwargs.Commit(&ed.e, nil)
		}
		return nil
	}
	none := t.Request.NoThinking || string(ed.fields[keyEffort].value.Of(ed.src)) == `"none"`
	switch t.Request.Model.Thinking {
	case catalog.On:
		t.Request.Thinking = !none
	case catalog.Off:
		t.Request.Thinking = false
	case catalog.Client:
		t.Request.Thinking = !none
		switch ed.enable.kind(ed.src) {
		case jsonedit.True:
			t.Request.Thinking = true
		case jsonedit.False:
			t.Request.Thinking = false
		case jsonedit.Null:
		default:
			return hub.BadRequest("chat_template_kwargs.enable_thinking", "chat_template_kwargs.enable_thinking must be true or false.")
		}
	}
	state := strconv.FormatBool(t.Request.Thinking)
	switch {
	case kwargs.value.Absent():
		ed.insert = jsonedit.Put(jsonedit.Put(jsonedit.Put(ed.insert, `"chat_template_kwargs":{"enable_thinking":`), state), "},")
	case kind == jsonedit.Null:
		ed.e.ReplaceString(kwargs.value.Start, kwargs.value.End, `{"enable_thinking":`+state+"}")
	case ed.enable.value.Absent():
		ed.kwargs.Commit(&ed.e, []byte(`"enable_thinking":`+state+","))
	default:
		if string(ed.enable.value.Of(ed.src)) == state {
			ed.kwargs.Commit(&ed.e, nil)
			return nil
		}
		ed.e.ReplaceString(ed.enable.value.Start, ed.enable.value.End, state)
		ed.kwargs.Commit(&ed.e, nil)
	}
	t.Request.Changes |= hub.ChangedThinking
	return nil
}

func (ed *Editor) sampling() {
	t := ed.turn
	values := &t.Request.Model.Off
	if t.Request.Thinking {
		values = &t.Request.Model.On
	}
	for i, v := range values {
		f := ed.fields[keySampling+i]
		switch {
		case v == "":
		case f.value.Absent():
			ed.insert = jsonedit.Put(jsonedit.Put(append(ed.insert, '"'), catalog.SamplingKeys[i]), `":`)
			ed.insert = append(jsonedit.Put(ed.insert, v), ',')
			t.Request.Changes |= hub.ChangedSampling
		case t.EnforceSampling || f.kind(ed.src) == jsonedit.Null:
			ed.e.ReplaceString(f.value.Start, f.value.End, v)
			t.Request.Changes |= hub.ChangedSampling
		}
	}
}

func (ed *Editor) scanStreamOptions() jsonedit.Span {
	s := &ed.s
	ed.includeUsage, ed.continuous = field{}, false
	if s.Kind() != jsonedit.Object {
		return s.Value()
	}
	start := s.Start()
	ed.options.Begin(s.BeginObject())
	for s.NextMember() {
		key := s.KeySpan()
		switch string(s.Key()) {
		case "include_usage":
			v := s.Value()
			i := ed.options.Add(key, v)
			if !ed.includeUsage.value.Absent() {
				ed.options.Drop(ed.includeUsage.member)
			}
			ed.includeUsage = field{i, v}
		case "continuous_usage_stats":
			v := s.Value()
			ed.options.Add(key, v)
			ed.continuous = string(v.Of(ed.src)) == "true"
		default:
			ed.options.Add(key, s.Value())
		}
	}
	return jsonedit.Span{Start: start, End: s.Pos()}
}

// usage asks for a stream's usage on the gateway's account.
func (ed *Editor) usage() {
	t, f := ed.turn, ed.fields[keyStreamOptions]
	if ed.kind(keyStream) != jsonedit.True {
		return
	}
	switch ed.kind(keyStreamOptions) {
	case jsonedit.Null:
		if f.value.Absent() {
			ed.insert = jsonedit.Put(ed.insert, `"stream_options":{"include_usage":true},`)
		} else {
			ed.e.ReplaceString(f.value.Start, f.value.End, `{"include_usage":true}`)
		}
	case jsonedit.Object:
		switch {
		case ed.includeUsage.kind(ed.src) == jsonedit.True, ed.continuous:
			// Asked for. Or continuous_usage_stats alone, which vLLM ignores unless
			// include_usage wakes it up: then every chunk would change.
			ed.options.Commit(&ed.e, nil)
			return
		case ed.includeUsage.value.Absent():
			ed.options.Commit(&ed.e, []byte(`"include_usage":true,`))
		default:
			ed.e.ReplaceString(ed.includeUsage.value.Start, ed.includeUsage.value.End, "true")
			ed.options.Commit(&ed.e, nil)
		}
	default:
		return
	}
	t.Request.HideUsage = true
	t.Request.Changes |= hub.UsageRequested
}

// limited tells whether the request names a token limit that can be clamped.
func (ed *Editor) limited() bool {
	for _, n := range [...]int{keyMaxTokens, keyMaxCompletionTokens} {
		if ed.kind(n) == jsonedit.Number {
			if _, ok := integer(ed.fields[n].value.Of(ed.src)); ok {
				return true
			}
		}
	}
	return false
}

// limits clamps token limits to the window: vLLM answers 400 to more.
func (ed *Editor) limits() {
	t := ed.turn
	for _, n := range []int{keyMaxTokens, keyMaxCompletionTokens} {
		f := ed.fields[n]
		if ed.kind(n) != jsonedit.Number {
			continue
		}
		limit, ok := integer(f.value.Of(ed.src))
		if !ok {
			continue
		}
		if window, _ := t.Window(); window > 0 && limit > window {
			limit = window
			ed.e.ReplaceString(f.value.Start, f.value.End, strconv.Itoa(window))
			t.Request.Changes |= hub.LimitClamped
		}
		// Of both, vLLM takes max_completion_tokens.
		t.Request.Limit = limit
	}
}

// integer reads a JSON number without fraction; one too large to hold is the largest int.
func integer(raw []byte) (int, bool) {
	if len(raw) == 0 {
		return 0, false
	}
	if n, err := strconv.Atoi(string(raw)); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !math.IsInf(f, 0) || f != math.Trunc(f) {
		return 0, false
	}
	if f >= math.MaxInt { // which as a float64 is one more than an int can hold
		return math.MaxInt, true
	}
	return int(f), f > 0
}
