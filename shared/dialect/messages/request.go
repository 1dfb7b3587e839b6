package messages

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/editor"
	"github.com/qwenvoy/qwenvoy/shared/history"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

var readers = sync.Pool{New: func() any { return new(reader) }}

// What the Editor does to the requests that are made here. Late system messages are
// folded into the turns before them, so that a prompt's earlier bytes stay the same from
// turn to turn.
var (
	createForm = editor.Form{Messages: true, Sampling: true, Limits: true, LateSystem: hub.Fold}
	countForm  = editor.Form{Messages: true, Prompt: true, LateSystem: hub.Fold}
)

// Request implements hub.Dialect.
func (d Dialect) Request(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	q := &request{id: t.AppendID(nil, "msg_"), size: len(body)}
	t.Request.State = q
	RequestID(t)

	r := readers.Get().(*reader)
	defer readers.Put(r)
	r.kind, r.turn, r.q, r.src = d.kind, t, q, body
	defer r.release()
	r.history.Grow(len(body))
	r.s.Reset(body)
	r.s.MendSurrogates()
	if k := r.s.Kind(); k != jsonedit.Object && k != jsonedit.Invalid {
		return dst, hub.BadRequest("", "The request body must be a JSON object.")
	}
	r.read()
	if err := r.s.Finish(); err != nil {
		return dst, hub.BadRequest("", "The request body is not valid JSON: %v.", err)
	}
	if r.check(); r.problem != nil {
		return dst, r.problem
	}
	name := r.model
	if p := t.Resolve(r.lookup()); p != nil {
		return dst, p
	}
	if r.offer(); r.problem != nil {
		return dst, r.problem
	}
	if t.Request.Answer == nil {
		var p *hub.Problem
		r.compose()
		form := createForm
		if d.kind == countTokens {
			form = countForm
		}
		if r.problem == nil {
			dst, p = r.editor.EditTrusted(dst, r.chat, r.trusted, t, form)
		} else {
			p = r.problem
		}
		if p != nil {
			return dst, p
		}
	}
	t.Request.Name = jsonedit.PutBytes(t.Request.Name[:0], name) // replies name what the client named, suffix and all
	if t.Request.Answer != nil {
		r.answer()
	}
	return dst, nil
}

// extraKeys are fields of vLLM's chat requests that the Messages API does not have;
// clients that know their server send them along, and they go up as they are.
var extraKeys = [...]string{"chat_template_kwargs", "mm_processor_kwargs", "media_io_kwargs", "thinking_token_budget", "reasoning_effort", "response_format",
	"min_p", "presence_penalty", "frequency_penalty", "repetition_penalty", "length_penalty", "repetition_detection", "seed", "logit_bias",
	"stop_token_ids", "min_tokens", "ignore_eos", "bad_words", "allowed_token_ids", "include_stop_str_in_output", "skip_special_tokens",
	"spaces_between_special_tokens", "structured_outputs", "priority", "cache_salt", "vllm_xargs", "kv_transfer_params", "ec_transfer_params", "watermarking"}

// The extras that are looked at; those before countedExtras count in /tokenize too.
const (
	extraKwargs   = 0
	countedExtras = 3
	extraBudget   = 3
	extraEffort   = 4
	extraFormat   = 5
)

// reader turns one request. It is reused; release leaves nothing of the request in it
// but room.
//
// Members hold JSON values of the request, nil where they are absent or null.
type reader struct {
	asked

	s jsonedit.Scanner // over the request
	// in are for what lies in values of the request, depth of them in use.
	in     [6]jsonedit.Scanner
	depth  int
	editor editor.Editor
	chat   []byte
	text   []byte
	// trusted are the values of chat that were read already.
	trusted []jsonedit.Span

	conversation
	offered
}

// asked is a request and its fields.
type asked struct {
	kind    kind
	turn    *hub.Turn
	q       *request
	src     []byte
	problem *hub.Problem

	model, maxTokens, stream, temperature, topP, topK, stops, choice      []byte
	thinking, output, format, metadata, management, container, mcpServers []byte
	extras                                                                [len(extraKeys)][]byte
}

// release forgets the request.
func (r *reader) release() {
	r.asked, r.depth = asked{}, 0
	r.conversation.reset()
	r.offered.reset()
	r.s.Reset(nil)
	for i := range r.in {
		r.in[i].Reset(nil)
	}
}

// reject notes what is wrong with the request; the first counts. path is where.
func (r *reader) reject(path, format string, args ...any) {
	if r.problem == nil {
		r.problem = hub.BadRequest(path, path+": "+format, args...)
	}
}

// scan steps into a value that lies in the request. Each is followed by done.
func (r *reader) scan(value []byte) *jsonedit.Scanner {
	s := &r.in[r.depth]
	r.depth++
	s.Reset(value)
	return s
}

func (r *reader) done(s *jsonedit.Scanner) {
	r.depth--
	if err := s.Err(); err != nil { // too many elements: the syntax was looked at before
		r.reject(r.at(""), "%v.", err)
	}
}

// member is the last of that name in an object, nil if there is none.
func (r *reader) member(object []byte, name string) (found []byte) {
	if !jsonedit.Is(object, jsonedit.Object) {
		return nil
	}
	s := r.scan(object)
	defer r.done(s)
	for s.BeginObject(); s.NextMember(); {
		if here := string(s.Key()) == name; here {
			found = s.Literal()
		} else {
			s.Value()
		}
	}
	return found
}

// integer reads a JSON number without a fraction.
func integer(v []byte) (int, bool) {
	if n, err := strconv.Atoi(string(v)); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(v), 64)
	switch {
	case err != nil && !math.IsInf(f, 0), f != math.Trunc(f):
		return 0, false
	case f >= math.MaxInt32: // more than any window
		return math.MaxInt32, true
	}
	return int(max(f, math.MinInt32)), true
}

// read walks the request once.
func (r *reader) read() {
	s := &r.s
	for s.BeginObject(); s.NextMember(); {
		switch string(s.Key()) {
		case "messages":
			r.messages()
		case "system":
			r.system()
		case "tools":
			r.tools()
		case "model":
			r.model = s.Literal()
		case "max_tokens":
			r.maxTokens = s.Literal()
		case "stream":
			r.stream = s.Literal()
		case "temperature":
			r.temperature = s.Literal()
		case "top_p":
			r.topP = s.Literal()
		case "top_k":
			r.topK = s.Literal()
		case "stop_sequences":
			r.stops = s.Literal()
		case "tool_choice":
			r.choice = s.Literal()
		case "thinking":
			r.thinking = s.Literal()
		case "output_config":
			r.output = s.Literal()
		case "output_format":
			r.format = s.Literal()
		case "metadata":
			r.metadata = s.Literal()
		case "context_management":
			r.management = s.Literal()
		case "container":
			r.container = s.Literal()
		case "mcp_servers":
			r.mcpServers = s.Literal()
		default:
			n := extra(s.Key())
			if v := s.Literal(); n >= 0 {
				r.extras[n] = v
			}
		}
	}
}

func extra(key []byte) int {
	for i := range extraKeys {
		if extraKeys[i] == string(key) {
			return i
		}
	}
	return -1
}

// check looks at the fields that can't be ignored.
func (r *reader) check() {
	create := r.kind == create
	switch {
	case r.model == nil:
		r.reject("model", "is required. The models are %s.", strings.Join(r.turn.Catalog.Listed(), ", "))
	case !jsonedit.IsString(r.model):
		r.reject("model", "must be a string. The models are %s.", strings.Join(r.turn.Catalog.Listed(), ", "))
	}
	if !r.hasMessages {
		r.reject("messages", "is required and must hold at least one message.")
	}
	if create {
		switch n, ok := integer(r.maxTokens); {
		case r.maxTokens == nil:
			r.reject("max_tokens", "is required.")
		case !ok:
			r.reject("max_tokens", "must be an integer.")
		case n < 1:
			r.reject("max_tokens", "must be at least 1.")
		}
		switch {
		case r.stream == nil, jsonedit.Is(r.stream, jsonedit.False):
		case jsonedit.Is(r.stream, jsonedit.True):
			r.turn.Request.Streamed = true
		default:
			r.reject("stream", "must be true or false.")
		}
		for _, f := range []struct {
			name  string
			value []byte
		}{{"temperature", r.temperature}, {"top_p", r.topP}, {"top_k", r.topK}} {
			if f.value != nil && jsonedit.KindOf(f.value[0]) != jsonedit.Number {
				r.reject(f.name, "must be a number.")
			}
		}
		r.stopSequences()
	}
	for _, f := range []struct {
		name  string
		value []byte
	}{{"thinking", r.thinking}, {"output_config", r.output}, {"output_format", r.format}, {"metadata", r.metadata}, {"tool_choice", r.choice},
		{"chat_template_kwargs", r.extras[extraKwargs]}} {
		if f.value != nil && !jsonedit.Is(f.value, jsonedit.Object) {
			r.reject(f.name, "must be an object.")
		}
	}
	if jsonedit.Is(r.mcpServers, jsonedit.Array) && !jsonedit.IsEmpty(r.mcpServers) {
		r.reject("mcp_servers", "is not supported: nobody here would call the servers. Let the client call them and offer their tools in tools.")
	}
	if jsonedit.IsString(r.container) || r.member(r.container, "id") != nil {
		r.reject("container", "is not supported: there are no containers here.")
	} else if skills := r.member(r.container, "skills"); jsonedit.Is(skills, jsonedit.Array) && !jsonedit.IsEmpty(skills) {
		r.reject("container.skills", "is not supported: there are no containers here.")
	}
}

// stopSequences notes the client's words; empty ones stop nothing.
func (r *reader) stopSequences() {
	if r.stops == nil {
		return
	}
	if !jsonedit.Is(r.stops, jsonedit.Array) {
		r.reject("stop_sequences", "must be a list of strings.")
		return
	}
	s := r.scan(r.stops)
	defer r.done(s)
	i := 0
	for s.BeginArray(); s.NextElement(); i++ {
		v := s.Value().Of(r.stops)
		if !jsonedit.IsString(v) {
			r.reject("stop_sequences."+strconv.Itoa(i), "must be a string.")
		} else if len(v) > 2 {
			r.q.stops = append(r.q.stops, string(jsonedit.Text(v)))
		}
	}
}

// lookup is the literal of the model's name. Claude Code marks models of which it
// shall believe in a window of a million tokens with [1m].
func (r *reader) lookup() []byte {
	name := jsonedit.Inside(r.model)
	if plain, ok := bytes.CutSuffix(name, []byte("[1m]")); ok {
		return append(jsonedit.PutBytes(append([]byte(nil), '"'), plain), '"')
	}
	return r.model
}

// compose writes the chat request.
func (r *reader) compose() {
	t, create := r.turn, r.kind == create
	r.think()
	goOn := r.history.Continue()
	if goOn {
		// What was begun is past thinking; with it switched on, the rest of the text
		// would come as reasoning.
		t.Request.NoThinking = true
	}
	r.history.Unanswered("(no result)")
	system := r.systemText()
	if r.history.Len() == 0 && len(system) == 0 {
		r.reject("messages", "holds nothing to answer.")
		return
	}

	c := jsonedit.Put(slices.Grow(r.chat[:0], len(r.src)+1024), `{"model":`)
	c = jsonedit.PutBytes(c, r.lookup())
	if create {
		c = r.limits(c)
	}
	c = jsonedit.Put(c, `,"messages":`)
	r.trusted = r.trusted[:0]
	c = r.history.Append(c, history.Options{System: system, ImageNote: "(image follows)", Trusted: &r.trusted})
	c = r.appendTools(c)
	if goOn {
		c = jsonedit.Put(c, `,"add_generation_prompt":false,"continue_final_message":true`)
	}
	kwargs := r.extras[extraKwargs]
	r.extras[extraKwargs] = nil
	c = r.appendKwargs(c, kwargs)
	for i, v := range r.extras {
		if v != nil && (create || i < countedExtras) {
			c = jsonedit.PutBytes(jsonedit.Put(jsonedit.Put(jsonedit.Put(c, `,"`), extraKeys[i]), `":`), v)
		}
	}
	r.chat = append(c, '}')
}

// limits appends what /tokenize has no use for.
func (r *reader) limits(c []byte) []byte {
	n, _ := integer(r.maxTokens)
	c = strconv.AppendInt(jsonedit.Put(c, `,"max_completion_tokens":`), int64(n), 10)
	if jsonedit.Is(r.stream, jsonedit.True) {
		// With continuous usage the first event tells the prompt's tokens, as message_start must.
		c = jsonedit.Put(c, `,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}`)
	}
	for _, f := range []struct {
		key   string
		value []byte
	}{{`,"temperature":`, r.temperature}, {`,"top_p":`, r.topP}, {`,"top_k":`, r.topK}} {
		if f.value != nil {
			c = jsonedit.PutBytes(jsonedit.Put(c, f.key), f.value)
		}
	}
	for i, stop := range r.q.stops {
		c = jsonedit.Put(c, [...]string{`,"stop":[`, `,`}[min(i, 1)])
		c = jsonedit.AppendQuoted(c, stop)
	}
	if len(r.q.stops) > 0 {
		c = append(c, ']')
	}
	if r.turn.Messages.ForwardUser {
		if user := r.member(r.metadata, "user_id"); jsonedit.IsString(user) {
			c = jsonedit.PutBytes(jsonedit.Put(c, `,"user":`), user)
		}
	}
	return r.appendThinking(c, n)
}

// off tells whether thinking is off, as far as it is known before the request's own
// template arguments are read.
func (r *reader) off() bool {
	return r.turn.Request.NoThinking || r.turn.Request.Model.Thinking == catalog.Off
}
