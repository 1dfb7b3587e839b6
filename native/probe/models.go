package probe

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// A Model is one that the server has.
type Model struct {
	Name   string
	Window int // max_model_len, 0 where the server does not say it
}

// list is what /v1/models said.
type list struct {
	answer *Answer // nil: err
	err    error
	models []Model
	kind   string
}

// list asks for the models, once a round.
func (s *Server) list(ctx context.Context) *list {
	if s.models != nil {
		return s.models
	}
	l := &list{}
	s.models = l
	if l.answer, l.err = s.Ask(ctx, "/v1/models", nil); l.err != nil {
		return l
	}
	owner := ""
	l.answer.json().Get("data").ForEach(func(_, m gjson.Result) bool {
		id := m.Get("id")
		if id.Type != gjson.String || id.Str == "" {
			return true // no model, whatever else
		}
		l.models = append(l.models, Model{id.Str, int(max(0, m.Get("max_model_len").Int()))})
		owner = m.Get("owned_by").String()
		return len(l.models) < maxModels
	})
	switch server := strings.ToLower(l.answer.Header.Get("Server")); {
	case strings.HasPrefix(owner, "vllm"):
		l.kind = VLLM
	case owner == "sglang":
		l.kind = SGLang
	case owner == "llamacpp", strings.HasPrefix(server, "llama.cpp"):
		l.kind = LlamaCpp
	}
	return l
}

// maxModels is how many models are looked at.
const maxModels = 1000

// Models are the server's, none where it did not say them.
func (s *Server) Models(ctx context.Context) []Model { return s.list(ctx).models }

// Kind is what the server is: VLLM, SGLang, LlamaCpp or Unknown.
func (s *Server) Kind(ctx context.Context) string { return s.list(ctx).kind }

// locked tells whether the list needs a key that we have not.
func (l *list) locked() bool {
	return l.answer != nil && (l.answer.Status == http.StatusUnauthorized || l.answer.Status == http.StatusForbidden)
}

// setModel says how to name the model.
const setModel = "upstreams[0].model (--served-model, QWENVOY_SERVED_MODEL)"

// setKey says how to set the key.
const setKey = "upstreams[0].api_key (QWENVOY_UPSTREAM_API_KEY)"

// Key looks whether the server takes the key.
func (s *Server) Key(ctx context.Context) Finding {
	l := s.list(ctx)
	switch {
	case l.answer == nil:
		return Finding{key, Skip, "the server did not answer for its models: " + s.cause(l.err), ""}
	case l.locked() && s.upstream.APIKey != "":
		return Finding{key, Fail, fmt.Sprintf("the server refuses the configured key (%d): %s", l.answer.Status, s.words(l.answer)),
			"set " + setKey + " to the key that the server was started with (vLLM: --api-key)"}
	case l.locked():
		return Finding{key, Info,
			fmt.Sprintf("the server asks for a key (%d) and none is configured: clients have to send the server's own", l.answer.Status),
			"or set " + setKey + ", which replaces theirs"}
	case s.upstream.APIKey != "":
		return Finding{key, OK, "the server takes the configured key", ""}
	}
	return Finding{key, OK, "the server asks for none", ""}
}

// Version says what the server is.
func (s *Server) Version(ctx context.Context) Finding {
	kind := s.Kind(ctx)
	a, err := s.Ask(ctx, "/version", nil)
	if err != nil {
		return Finding{version, Skip, "no answer on /version: " + s.cause(err), ""}
	}
	v := a.json().Get("version").String()
	switch {
	case a.Status == http.StatusOK && v != "" && (kind == VLLM || kind == Unknown):
		if s.models.kind == Unknown && s.models.locked() {
			s.models.kind = VLLM // the list would say it
		}
		found := VLLM + " " + s.shown(v)
		if old(v) {
			return Finding{version, Info, found + ": before 0.17 thinking comes as reasoning_content, which is read too", ""}
		}
		return Finding{version, OK, found, ""}
	case kind == Unknown:
		return Finding{version, Info,
			fmt.Sprintf("no %s (%d on /version), nor another kind that is known: its parsers are not asked for", VLLM, a.Status), ""}
	}
	if v != "" {
		kind += " " + s.shown(v)
	}
	return Finding{version, Info, kind, ""}
}

// old tells whether a version of vLLM is one before 0.17.
func old(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(minor)
	return major == "0" && err == nil && n < 17
}

// Model looks for the served model's name.
func (s *Server) Model(ctx context.Context) Finding {
	l := s.list(ctx)
	switch {
	case l.answer == nil:
		return Finding{model, Fail, "the server did not answer for its models: " + s.cause(l.err), "look at its log"}
	case l.locked() && s.upstream.Model == "":
		return Finding{model, Fail, "the server tells its model's name to those with a key only",
			"set " + setModel + ", or " + setKey}
	case l.locked():
		return Finding{model, Skip, "the list of models needs a key", ""}
	case l.answer.Status == http.StatusNotFound:
		return Finding{model, Fail,
			"no list of models at " + s.address() + " (404 on /v1/models)",
			"correct " + setURL + ": it is the address in front of /v1, without a path unless the server has one"}
	case l.answer.Status != http.StatusOK:
		return Finding{model, Fail, fmt.Sprintf("no list of models (%d): %s", l.answer.Status, s.words(l.answer)), "look at the server's log"}
	case len(l.models) == 0:
		return Finding{model, Fail, "what answers at " + s.address() + " lists no models",
			"look whether it is the model server, and at " + setURL}
	}
	if m, ok := l.served(s.upstream.Model); ok {
		found := s.name(m.Name)
		if m.Window > 0 {
			found += fmt.Sprintf(", window %d", m.Window)
		}
		return Finding{model, OK, found, ""}
	}
	if s.upstream.Model == "" {
		return Finding{model, Fail, "the server has several models: " + s.names(l.models), "set " + setModel + " to one of them"}
	}
	fix := "set " + setModel + " to a name that it has"
	if len(l.models) == 1 {
		fix = "set " + setModel + " to " + s.name(l.models[0].Name)
	}
	return Finding{model, Fail, "the server has no " + s.name(s.upstream.Model) + ", it has " + s.names(l.models),
		fix + ", or start vLLM with --served-model-name"}
}

// Served is the model that the server is configured with. Where none is named it is the only
// one that the server has.
func (s *Server) Served(ctx context.Context) (Model, bool) {
	return s.list(ctx).served(s.upstream.Model)
}

// served is the model of that name.
func (l *list) served(name string) (Model, bool) {
	if name == "" && len(l.models) == 1 {
		return l.models[0], true
	}
	i := slices.IndexFunc(l.models, func(m Model) bool { return m.Name == name })
	if i < 0 {
		return Model{}, false
	}
	return l.models[i], true
}

// agentWindow is the smallest window with which coding agents work: their instructions and
// tools alone take 20,000 tokens.
const agentWindow = 32768

// Window looks whether the model's context window suffices, and is the configured one.
func (s *Server) Window(ctx context.Context) Finding {
	m, ok := s.list(ctx).served(s.upstream.Model)
	asked := s.upstream.MaxModelLen
	switch {
	case !ok:
		return Finding{window, Skip, "the model is not known", ""}
	case m.Window == 0 && asked == 0:
		return Finding{window, Info, "the server does not say the model's window, so that max_tokens is not lowered to it",
			"set upstreams[0].max_model_len (--max-model-len, QWENVOY_MAX_MODEL_LEN)"}
	case m.Window > 0 && asked > m.Window:
		return Finding{window, Warn, fmt.Sprintf("the configured window of %d tokens is larger than the server's of %d", asked, m.Window),
			"take upstreams[0].max_model_len (--max-model-len) away, so that the server's counts"}
	}
	tokens := m.Window
	if asked > 0 {
		tokens = asked
	}
	if tokens < agentWindow {
		return Finding{window, Warn, fmt.Sprintf("the window of %d tokens is too small for coding agents, which begin with 20,000", tokens),
			fmt.Sprintf("start vLLM with --max-model-len %d or more", agentWindow)}
	}
	return Finding{window, OK, fmt.Sprintf("%d tokens", tokens), ""}
}
