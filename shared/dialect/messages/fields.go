package messages

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// fields are the members of a request but for messages, system and tools: JSON values, nil
// where they are absent or null.
type fields struct {
	model, maxTokens, stream, temperature, topP, topK, stops, choice []byte
	thinking, output, format, metadata, management, container, mcpServers,
	safeguards, thread []byte
	// passed are those of hub.PassedFields, refused those of hub.RefusedFields.
	passed  [len(hub.PassedFields)][]byte
	refused [len(hub.RefusedFields)][]byte
}

// field is where a member's value is noted, nil for one that nobody reads.
func (f *fields) field(key []byte) *[]byte {
	switch string(key) {
	case "model":
		return &f.model
	case "max_tokens":
		return &f.maxTokens
	case "stream":
		return &f.stream
	case "temperature":
		return &f.temperature
	case "top_p":
		return &f.topP
	case "top_k":
		return &f.topK
	case "stop_sequences":
		return &f.stops
	case "tool_choice":
		return &f.choice
	case "thinking":
		return &f.thinking
	case "output_config":
		return &f.output
	case "output_format":
		return &f.format
	case "metadata":
		return &f.metadata
	case "context_management":
		return &f.management
	case "container":
		return &f.container
	case "mcp_servers":
		return &f.mcpServers
	case "safeguards":
		return &f.safeguards
	case "thread":
		return &f.thread
	}
	for i := range hub.PassedFields {
		if hub.PassedFields[i].Name == string(key) {
			return &f.passed[i]
		}
	}
	for i := range hub.RefusedFields {
		if hub.RefusedFields[i].Name == string(key) {
			return &f.refused[i]
		}
	}
	return nil
}

// shaped tells whether passed fields ask for a form of the answer.
func (f *fields) shaped() bool {
	format := jsonedit.Known(f.passed[hub.PassedFormat]).Get("type")
	return f.passed[hub.PassedOutputs] != nil || format.Exists() && format.Text() != "text"
}

// lookup is the literal of the model's name. Claude Code marks models of which it
// shall believe in a window of a million tokens with [1m].
func (f *fields) lookup() []byte {
	if name, marked := bytes.CutSuffix(jsonedit.Inside(f.model), []byte("[1m]")); marked {
		return append(jsonedit.PutBytes(append([]byte(nil), '"'), name), '"')
	}
	return f.model
}

// checkModel refuses a request that does not name its model.
func (f *fields) checkModel(in *input, c *catalog.Catalog) {
	switch {
	case f.model == nil:
		in.reject("model", "is required. The models are %s.", strings.Join(c.Listed(), ", "))
	case !jsonedit.IsString(f.model):
		in.reject("model", "must be a string. The models are %s.", strings.Join(c.Listed(), ", "))
	}
}

// checkCreate looks at what count_tokens has no use for.
func (f *fields) checkCreate(in *input, req *request, t *hub.Turn) {
	switch n, ok := integer(f.maxTokens); {
	case f.maxTokens == nil:
		in.reject("max_tokens", "is required.")
	case !ok:
		in.reject("max_tokens", "must be an integer.")
	case n < 0:
		in.reject("max_tokens", "must be at least 0.")
	default:
		req.warming = n == 0
	}
	switch {
	case f.stream == nil, jsonedit.Is(f.stream, jsonedit.False):
	case jsonedit.Is(f.stream, jsonedit.True):
		t.Request.Streamed = true
	default:
		in.reject("stream", "must be true or false.")
	}
	for _, number := range [...]struct {
		name  string
		value []byte
	}{{"temperature", f.temperature}, {"top_p", f.topP}, {"top_k", f.topK}} {
		if number.value != nil && !jsonedit.Is(number.value, jsonedit.Number) {
			in.reject(number.name, "must be a number.")
		}
	}
	for i := range hub.RefusedFields {
		if refused := &hub.RefusedFields[i]; refused.Asks(f.refused[i]) {
			in.reject(refused.Name, "is not supported: %s", refused.Why)
		}
	}
	f.readStops(in, req)
	f.readSafeguards(in, req, t)
}

// readStops notes the client's stop sequences; empty ones stop nothing.
func (f *fields) readStops(in *input, req *request) {
	if f.stops == nil {
		return
	}
	if !jsonedit.Is(f.stops, jsonedit.Array) {
		in.reject("stop_sequences", "must be a list of strings.")
		return
	}
	s := in.enter(f.stops)
	defer in.leave(s)
	i := 0
	for s.BeginArray(); s.NextElement(); i++ {
		v := s.Value().Of(f.stops)
		if !jsonedit.IsString(v) {
			in.reject("stop_sequences."+strconv.Itoa(i), "must be a string.")
		} else if len(v) > len(`""`) {
			req.stops = append(req.stops, string(jsonedit.Text(v)))
		}
	}
}

// checkObjects refuses objects that are none, and what nobody here can do: left out, it
// would change the answer's meaning.
func (f *fields) checkObjects(in *input) {
	for _, object := range [...]struct {
		name  string
		value []byte
	}{{"thinking", f.thinking}, {"output_config", f.output}, {"output_format", f.format}, {"metadata", f.metadata},
		{"tool_choice", f.choice}, {"chat_template_kwargs", f.passed[hub.PassedKwargs]}} {
		if object.value != nil && !jsonedit.Is(object.value, jsonedit.Object) {
			in.reject(object.name, "must be an object.")
		}
	}
	if jsonedit.Is(f.mcpServers, jsonedit.Array) && !jsonedit.IsEmpty(f.mcpServers) {
		in.reject("mcp_servers", "is not supported: nobody here would call the servers. "+
			"Let the client call them and offer their tools in tools.")
	}
	if jsonedit.IsString(f.container) || in.member(f.container, "id") != nil {
		in.reject("container", "is not supported: there are no containers here.")
	} else if skills := in.member(f.container, "skills"); jsonedit.Is(skills, jsonedit.Array) && !jsonedit.IsEmpty(skills) {
		in.reject("container.skills", "is not supported: there are no containers here.")
	}
}
