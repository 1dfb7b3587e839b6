package responses

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/editor"
	"github.com/qwenvoy/qwenvoy/shared/history"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// The request's members that are read. Those of verbatim are counted apart.
const (
	keyModel = iota
	keyInput
	keyInstructions
	keyPrevious
	keyConversation
	keyTools
	keyToolChoice
	keyParallel
	keyText
	keyReasoning
	keyInclude
	keyMaxOutput
	keyMaxTokens
	keyMaxToolCalls
	keyTemperature
	keyTopP
	keyPresence
	keyFrequency
	keyTopLogprobs
	keyStream
	keyStore
	keyBackground
	keyGenerate
	keyTruncation
	keyMetadata
	keyCacheKey
	keySafety
	keyUser
	keyPrompt
	keyKwargs
	keyN
	keyBestOf
	keyEcho
	keyBeam
	keyCount
)

var keyNames = [keyCount]string{"model", "input", "instructions", "previous_response_id", "conversation", "tools", "tool_choice",
	"parallel_tool_calls", "text", "reasoning", "include", "max_output_tokens", "max_tokens", "max_tool_calls", "temperature", "top_p",
	"presence_penalty", "frequency_penalty", "top_logprobs", "stream", "store", "background", "generate", "truncation", "metadata",
	"prompt_cache_key", "safety_identifier", "user", "prompt", "chat_template_kwargs", "n", "best_of", "echo", "use_beam_search"}

// verbatim are members of vLLM's chat request that clients add and that go up as they
// are. Those with shapes say what the answer has to look like, which a summary can't.
var verbatim = [...]struct {
	name   string
	shapes bool
}{
	{"top_k", false}, {"min_p", false}, {"repetition_penalty", false}, {"seed", false}, {"priority", false},
	{"cache_salt", false}, {"thinking_token_budget", false}, {"vllm_xargs", false}, {"mm_processor_kwargs", false},
	{"stop", true}, {"stop_token_ids", true}, {"logit_bias", true}, {"min_tokens", true}, {"ignore_eos", true},
	{"structured_outputs", true}, {"response_format", true},
}

const (
	processorKwargs = 8
	responseFormat  = len(verbatim) - 1
)

// members finds the number of a member: one of the keys, keyCount and more for
// verbatim, -1 for one that is known and has no effect.
var members = func() map[string]int {
	m := map[string]int{}
	for i, name := range keyNames {
		m[name] = i
	}
	for i, v := range verbatim {
		m[v.name] = keyCount + i
	}
	for _, name := range []string{"type", "stream_options", "service_tier", "context_management", "prompt_cache_retention",
		"prompt_cache_options", "moderation", "access_programs", "client_metadata"} {
		m[name] = -1
	}
	return m
}()

// translation is what making one chat request needs and the next one can have. It
// notes where things stand in one pass over the body, and writes from its notes.
type translation struct {
	turn *hub.Turn
	kind kind
	req  *request
	src  []byte
	s    jsonedit.Scanner
	part jsonedit.Scanner // of small values, a second time

	fields [keyCount]jsonedit.Span
	extras [len(verbatim)]jsonedit.Span
	// compacting: the model is asked for a summary, not for its turn.
	compacting bool

	// step is the next one of translate.
	step   int
	origin origin

	tools toolset.Set
	// ownTools are those of the request's tools, not of its input.
	ownTools jsonedit.CompactSpan
	conversation
	effort  []byte // the word that the client used
	context []byte // reasoning.context
	format  format
	reason  struct{ effort, summary []byte }   // literals
	echoed  struct{ format, verbosity []byte } // values

	chat []byte
	// trusted are the values in chat that need no second look.
	trusted []jsonedit.Span
	editor  editor.Editor
}

var translations = sync.Pool{New: func() any { return new(translation) }}

// A translation with larger buffers or longer lists is left to the collector.
const (
	maxKept     = 8 << 20
	maxKeptList = 1 << 14
)

// release gives the translation back without anything that refers to the request.
func (r *translation) release() {
	if max(cap(r.chat), cap(r.earlier)) > maxKept || max(cap(r.list), cap(r.parts), r.tools.Cap()) > maxKeptList {
		return
	}
	r.turn, r.req, r.src = nil, nil, nil
	r.fields, r.extras, r.compacting = [keyCount]jsonedit.Span{}, [len(verbatim)]jsonedit.Span{}, false
	r.s.Reset(nil)
	r.part.Reset(nil)
	r.tools.Reset()
	r.ownTools = jsonedit.CompactSpan{}
	r.conversation.reset()
	r.step, r.origin = 0, origin{}
	r.effort, r.context, r.format = nil, nil, format{}
	r.reason.effort, r.reason.summary, r.echoed.format, r.echoed.verbosity = nil, nil, nil, nil
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
		(*translation).scan, (*translation).model, (*translation).refuse,
		(*translation).state, (*translation).leave, (*translation).background, (*translation).goOn, (*translation).scalars,
		(*translation).reasoning, (*translation).textFormat, (*translation).gather, (*translation).offer, (*translation).choose, (*translation).tell,
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
	return r.kind == create && !r.compacting && string(r.raw(keyGenerate)) == "false"
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

// scan walks the body once and notes where things stand.
func (r *translation) scan() *hub.Problem {
	if len(r.src) > math.MaxInt32 {
		return hub.FaultProblem(hub.BodyTooLarge, math.MaxInt32)
	}
	s := &r.s
	s.Reset(r.src)
	s.MendSurrogates()
	if k := s.Kind(); k != jsonedit.Object && k != jsonedit.Invalid {
		return hub.BadRequest("", "The request body must be a JSON object.")
	}
	for s.BeginObject(); s.NextMember(); {
		n, known := members[string(s.Key())]
		switch { // of two members of one name the last counts
		case !known:
			r.turn.Request.Changes |= hub.FieldsIgnored
			n = -1
		case n == keyTools:
			r.ownTools = jsonedit.CompactSpan{}
		case n == keyInput:
			r.own = jsonedit.CompactSpan{}
		case n == keyInstructions:
			r.told = jsonedit.CompactSpan{}
		}
		var v jsonedit.Span
		switch {
		case n == keyInput && s.Kind() == jsonedit.Array:
			r.own, v = r.scanItems(s, r.src, "input")
		case n == keyInstructions && s.Kind() == jsonedit.Array:
			r.told, v = r.scanItems(s, r.src, "instructions")
		case n == keyTools && s.Kind() == jsonedit.Array:
			r.ownTools, v = r.tools.Scan(s, r.src, "tools", true)
			if r.problem == nil {
				r.problem = r.tools.Fault()
			}
		default:
			v = s.NotNull()
		}
		switch {
		case n < 0:
		case n < keyCount:
			r.fields[n] = v
		default:
			r.extras[n-keyCount] = v
		}
	}
	if err := s.Finish(); err != nil {
		return hub.BadRequest("", "The request body is not valid JSON: %v.", err)
	}
	return r.problem
}

// raw is a member's value, nil where it is absent.
//
//go:noinline
func (r *translation) raw(key int) []byte {
	if v := r.fields[key]; !v.Absent() {
		return v.Of(r.src)
	}
	return nil
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
		p := r.turn.Resolve(literal)
		if p != nil && p.Code == "" {
			p.Code = "model_not_found"
		}
		return p
	}
}

// refuse turns down what would change the answer's meaning if it were left out.
func (r *translation) refuse() *hub.Problem {
	if r.raw(keyPrompt) != nil {
		return hub.UnsupportedParameter("prompt", ". Prompt templates are stored at OpenAI; send their text as instructions and input.")
	}
	if n := r.raw(keyN); n != nil && string(n) != "1" {
		return hub.UnsupportedValue("n", "a response has one answer; send the request several times.")
	}
	if n := r.raw(keyBestOf); n != nil && string(n) != "1" {
		return hub.UnsupportedParameter("best_of", ".")
	}
	for _, key := range [...]int{keyEcho, keyBeam} {
		if v := r.raw(key); v != nil && string(v) != "false" {
			return hub.UnsupportedParameter(keyNames[key], ".")
		}
	}
	return nil
}

// numbers and integers are members and what they may be; a high of 0 is no limit.
var (
	numbers  = []struct{ key, low, high int }{{keyTemperature, 0, 2}, {keyTopP, 0, 1}, {keyPresence, -2, 2}, {keyFrequency, -2, 2}}
	integers = []struct{ key, low, high int }{{keyMaxOutput, 1, 0}, {keyMaxTokens, 1, 0}, {keyMaxToolCalls, 0, 0}, {keyTopLogprobs, 0, 20}}
	switches = []int{keyStream, keyStore, keyBackground, keyGenerate, keyParallel}
	strs     = []int{keyTruncation, keyCacheKey, keySafety, keyUser}
)

// scalars checks the simple members.
func (r *translation) scalars() *hub.Problem {
	for _, f := range numbers {
		v := r.raw(f.key)
		if v == nil {
			continue
		}
		name := keyNames[f.key]
		if jsonedit.KindOf(v[0]) != jsonedit.Number {
			return hub.WrongType(name, "a number")
		}
		if n, err := strconv.ParseFloat(string(v), 64); err != nil || n < float64(f.low) || n > float64(f.high) {
			return hub.WrongValue(name, "a number from "+strconv.Itoa(f.low)+" to "+strconv.Itoa(f.high)+" was expected.")
		}
	}
	for _, f := range integers {
		v := r.raw(f.key)
		if v == nil {
			continue
		}
		name := keyNames[f.key]
		n, err := strconv.Atoi(string(v))
		if err != nil && (jsonedit.KindOf(v[0]) != jsonedit.Number || bytes.ContainsAny(v, ".eE")) {
			return hub.WrongType(name, "an integer")
		}
		if n < f.low || f.high > 0 && n > f.high {
			to := " or more"
			if f.high > 0 {
				to = " to " + strconv.Itoa(f.high)
			}
			return hub.WrongValue(name, "an integer of "+strconv.Itoa(f.low)+to+" was expected.")
		}
		if f.key == keyTopLogprobs && n > 0 {
			r.req.logprobs = true
		}
	}
	r.turn.Request.SingleCall = string(r.raw(keyParallel)) == "false"
	for _, key := range strs {
		if v := r.raw(key); v != nil && v[0] != '"' {
			return hub.WrongType(keyNames[key], "a string")
		}
	}
	if v := r.raw(keyTruncation); v != nil && string(v) != `"auto"` && string(v) != `"disabled"` {
		return hub.WrongValue("truncation", "auto or disabled was expected.")
	}
	if v := r.raw(keyKwargs); v != nil && v[0] != '{' {
		return hub.WrongType("chat_template_kwargs", "an object")
	}
	if p := r.metadata(); p != nil {
		return p
	}
	return r.include()
}

func (r *translation) include() *hub.Problem {
	raw := r.raw(keyInclude)
	if raw == nil {
		return nil
	}
	if raw[0] != '[' {
		return hub.WrongType("include", "a list of strings")
	}
	s := &r.part
	s.Reset(raw)
	n := 0
	for s.BeginArray(); s.NextElement(); n++ {
		switch v := s.Value().Of(raw); {
		case v[0] != '"':
			return hub.WrongType("include["+strconv.Itoa(n)+"]", "a string")
		case string(v) == `"reasoning.encrypted_content"`:
			r.req.sealed = true
		case string(v) == `"message.output_text.logprobs"`:
			r.req.logprobs = true
		}
	}
	return nil
}

// OpenAI's limits of metadata; keys and values count in characters.
const (
	maxMetadata      = 16
	maxMetadataKey   = 64
	maxMetadataValue = 512
)

func (r *translation) metadata() *hub.Problem {
	raw := r.raw(keyMetadata)
	if raw == nil {
		return nil
	}
	if raw[0] != '{' {
		return hub.WrongType("metadata", "an object")
	}
	s := &r.part
	s.Reset(raw)
	n := 0
	for s.BeginObject(); s.NextMember(); {
		if n++; n > maxMetadata {
			return hub.WrongValue("metadata", "at most 16 pairs are allowed.")
		}
		key := jsonedit.PutBytes([]byte(nil), s.Key())
		if characters(key) > maxMetadataKey {
			return hub.WrongValue("metadata", "a key may have at most 64 characters, "+hub.Quoted(key)+" has more.")
		}
		v := s.Value().Of(raw)
		param := "metadata." + string(key)
		if v[0] != '"' {
			return hub.WrongType(param, "a string")
		}
		if characters(jsonedit.Text(v)) > maxMetadataValue {
			return hub.WrongValue(param, "at most 512 characters are allowed.")
		}
	}
	return nil
}

func characters(text []byte) (n int) {
	for _, c := range text {
		if c&0xC0 != 0x80 {
			n++
		}
	}
	return n
}

// reasoning reads the reasoning object: the effort is a thinking switch, and more for
// models that know several.
func (r *translation) reasoning() *hub.Problem {
	raw := r.raw(keyReasoning)
	if raw == nil {
		return nil
	}
	if raw[0] != '{' {
		return hub.WrongType("reasoning", "an object")
	}
	var v [len(reasoningNames)][]byte
	r.part.Pick(raw, reasoningNames[:], v[:])
	for i, name := range reasoningNames[:3] {
		if v[i] != nil && v[i][0] != '"' {
			return hub.WrongType("reasoning."+name, "a string")
		}
	}
	r.reason.effort, r.reason.summary = v[0], v[1]
	if r.reason.summary == nil {
		r.reason.summary = v[2]
	}
	if jsonedit.IsString(v[3]) {
		r.context = jsonedit.Inside(v[3])
	}
	if r.reason.effort != nil {
		r.effort = jsonedit.Text(r.reason.effort)
		switch string(r.effort) {
		case "none":
			r.turn.Request.NoThinking = true
		case "minimal", "low", "medium", "high", "xhigh", "max":
		default:
			return hub.WrongValue("reasoning.effort", hub.Quoted(r.effort)+" is none of none, minimal, low, medium, high, xhigh, max.")
		}
	}
	if r.reason.summary != nil {
		switch word := jsonedit.Text(r.reason.summary); string(word) {
		case "auto", "concise", "detailed":
			r.req.summary = true
		default:
			return hub.WrongValue("reasoning.summary", hub.Quoted(word)+" is none of auto, concise, detailed.")
		}
	}
	return nil
}

var reasoningNames = [...]string{"effort", "summary", "generate_summary", "context"}

// graded are the efforts of models that know more than on and off, "" for none.
// Qwen3.8 knows low, medium and xhigh; earlier ones have no such word in their template.
func (r *translation) graded() string {
	m := r.turn.Request.Model
	if len(r.effort) == 0 || r.turn.Request.NoThinking || m == nil || m.Thinking == catalog.Off || !strings.Contains(strings.ToLower(m.Target.Model), "qwen3.8") {
		return ""
	}
	switch string(r.effort) {
	case "minimal", "low":
		return "low"
	case "medium":
		return "medium"
	}
	return "xhigh"
}

// write makes the chat request of what was gathered.
func (r *translation) write() {
	c := append(r.chat[:0], '{')
	if v := r.raw(keyModel); v != nil {
		c = jsonedit.PutBetween(c, `"model":`, v, ",")
	}
	c = jsonedit.Put(c, `"messages":`)
	r.trusted = r.trusted[:0]
	c = r.history.Append(c, history.Options{System: r.system, DropEmptyTurns: true, ImageNote: "The image follows.", Trusted: &r.trusted})
	c = r.appendTools(c)
	kwargs, wanted := r.kwargs()
	if r.kind == inputTokens {
		if effort := r.graded(); effort != "" && wanted {
			kwargs.add("reasoning_effort", `"`+effort+`"`)
		}
		c = kwargs.append(c)
		if v := r.extras[processorKwargs]; !v.Absent() {
			c = jsonedit.PutBetween(c, `,"mm_processor_kwargs":`, v.Of(r.src), "")
		}
		r.chat = append(c, '}')
		return
	}
	if effort := r.graded(); effort != "" && wanted {
		c = jsonedit.PutBetween(c, `,"reasoning_effort":"`, []byte(effort), `"`)
	}
	c = kwargs.append(c)
	if !r.compacting {
		c = r.appendFormat(c)
		if r.req.logprobs {
			c = jsonedit.Put(c, `,"logprobs":true`)
			if v := r.raw(keyTopLogprobs); v != nil && string(v) != "0" {
				c = jsonedit.PutBetween(c, `,"top_logprobs":`, v, "")
			}
		}
	}
	for _, f := range numbers {
		c = jsonedit.PutMember(c, keyNames[f.key], r.raw(f.key))
	}
	if v := r.raw(keyMaxOutput); v != nil {
		c = jsonedit.PutMember(c, "max_completion_tokens", v)
	} else {
		c = jsonedit.PutMember(c, "max_tokens", r.raw(keyMaxTokens))
	}
	user := r.raw(keyUser)
	if user == nil {
		user = r.raw(keySafety)
	}
	c = jsonedit.PutMember(c, "user", user)
	for i, v := range r.extras {
		if v.Absent() || r.compacting && verbatim[i].shapes {
			continue
		}
		c = jsonedit.PutMember(c, verbatim[i].name, v.Of(r.src))
	}
	if r.turn.Request.Streamed {
		c = jsonedit.Put(c, `,"stream":true`)
	}
	r.chat = append(c, '}')
}

// templateKwargs are the chat_template_kwargs: the client's, and before them what
// follows from its other words.
type templateKwargs struct {
	own   []byte
	front []byte
	has   func(name string) bool
}

func (k *templateKwargs) add(name, value string) {
	if !k.has(name) {
		k.front = jsonedit.Put(jsonedit.Put(append(k.front, '"'), name), `":`)
		k.front = append(jsonedit.Put(k.front, value), ',')
	}
}

func (k *templateKwargs) append(c []byte) []byte {
	if k.own == nil && len(k.front) == 0 {
		return c
	}
	c = jsonedit.Put(c, `,"chat_template_kwargs":`)
	if len(k.front) == 0 {
		return jsonedit.PutBytes(c, k.own)
	}
	c = jsonedit.PutBytes(append(c, '{'), k.front)
	if k.own == nil || jsonedit.IsEmpty(k.own) {
		return append(c[:len(c)-1], '}')
	}
	return jsonedit.PutBytes(c, k.own[1:])
}

// kwargs also tells whether an effort makes sense: not where the client's own kwarg
// decides, and says off.
func (r *translation) kwargs() (k templateKwargs, effort bool) {
	k.own, effort = r.raw(keyKwargs), true
	var names []string
	if k.own != nil {
		s := &r.part
		s.Reset(k.own)
		for s.BeginObject(); s.NextMember(); {
			name := string(s.Key())
			names = append(names, name)
			v := s.Value()
			if name == "enable_thinking" && r.turn.Request.Model != nil && r.turn.Request.Model.Thinking == catalog.Client {
				effort = k.own[v.Start] != 'f'
			}
		}
	}
	k.has = func(name string) bool {
		for _, n := range names {
			if n == name {
				return true
			}
		}
		return false
	}
	switch string(r.context) {
	case "all_turns":
		k.add("preserve_thinking", "true")
	case "current_turn":
		k.add("preserve_thinking", "false")
	}
	return k, effort
}

// offer makes functions of the tools: the request's own first, then those that came
// with the input.
func (r *translation) offer() *hub.Problem {
	p := r.offerAll()
	t := r.turn
	t.Request.DroppedTools = r.tools.Dropped()
	if p == nil && len(t.Request.DroppedTools) > 0 {
		t.Request.ReplyHeader = append(t.Request.ReplyHeader, [2]string{hub.DroppedToolsHeader, strings.Join(t.Request.DroppedTools, ", ")})
	}
	return p
}

func (r *translation) offerAll() *hub.Problem {
	reject := r.turn.RejectTools
	if p := r.tools.Offer(r.ownTools, reject); p != nil {
		return p
	}
	for _, kind := range [...]string{"additional_tools", "tool_search_output"} {
		for _, l := range [...]jsonedit.CompactSpan{r.told, r.before, r.own} {
			for i := l.Start; i < l.End; i++ {
				it := &r.list[i]
				if it.tools.Len() == 0 || string(it.word(itemType)) != kind {
					continue
				}
				if p := r.tools.Offer(it.tools, reject); p != nil {
					return p
				}
			}
		}
	}
	return r.tools.Offered()
}

// choose reads tool_choice.
func (r *translation) choose() *hub.Problem {
	if r.compacting { // the tools stay for the sake of the prefix cache
		r.tools.ForbidCalls()
		return nil
	}
	return r.tools.Choose(r.raw(keyToolChoice))
}

// appendTools appends tools and what goes with them.
func (r *translation) appendTools(c []byte) []byte {
	c, list := r.tools.AppendTools(c)
	if list.Absent() {
		return c
	}
	r.trusted = append(r.trusted, list)
	if r.kind == inputTokens {
		return c
	}
	c = r.tools.AppendChoice(c)
	if r.compacting {
		return c
	}
	return jsonedit.PutMember(c, "parallel_tool_calls", r.raw(keyParallel))
}
