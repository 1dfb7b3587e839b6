package gateway

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/dialect/chat"
	"github.com/qwenvoy/qwenvoy/shared/dialect/messages"
	"github.com/qwenvoy/qwenvoy/shared/dialect/models"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// routeKind says who serves a route.
type routeKind uint8

const (
	// passRoute: the upstream, untouched.
	passRoute routeKind = iota
	// dialectRoute: the upstream, through a dialect.
	dialectRoute
	// pageRoute: a page of ours.
	pageRoute
	// sinkRoute: nobody; what is sent is thrown away, and the answer is a 200.
	sinkRoute
	// absentRoute: nobody, and an error says why: it needs state that this edge has not, or is
	// not offered.
	absentRoute
)

type route struct {
	kind   routeKind
	name   string
	method string
	// dialect turns request and reply, and puts errors into words; replyAsIs leaves the
	// reply alone.
	dialect   hub.Dialect
	replyAsIs bool
	// upstream is the path that a translated request goes to, without the client's query.
	upstream string
	// translator is dialect where its form is not the hub's.
	translator hub.Translator
	// anthropic is the route that clients of Anthropic's mean, codex the one that Codex means;
	// nil for the same.
	anthropic, codex *route
	// page is a page's body, why an absent route's answer: a 404, or where no edge has it a 501.
	page, why string
	unoffered bool
}

// bodyless: requests have no body to turn.
func (r *route) bodyless() bool { return r.method == "GET" }

// serves tells whether requests of a method are served.
func (r *route) serves(method string) bool {
	return method == r.method || r.kind == pageRoute && method == "HEAD"
}

var (
	passThrough = &route{kind: passRoute, name: "pass"}
	modelEntry  = listed("model", models.Entry, nil)
	codexModels = &route{kind: dialectRoute, name: "models", method: "GET", dialect: models.Catalog}
	health      = &route{kind: pageRoute, name: "health", method: "GET", page: `{"status":"healthy"}`}
	livez       = &route{kind: pageRoute, name: "livez", method: "GET", page: `{"status":"alive"}`}
	readyz      = &route{kind: pageRoute, name: "readyz", method: "GET", page: `{"status":"ready"}`}
	root        = &route{kind: pageRoute, name: "root", method: "GET", page: `{"service":"qwenvoy"}`}

	// telemetry is where agents send figures and traces of themselves: without an answer that
	// takes them they log an error each time.
	telemetry = &route{kind: sinkRoute, name: "telemetry", method: "POST"}

	// Stored responses and conversations are served by an edge with state, before its
	// requests come here.
	stateful = &route{kind: absentRoute, name: "responses", dialect: responses.Create,
		why: "Nothing is stored here: this edge keeps no state. " +
			"Route /v1/responses and /v1/conversations to the qwenvoy binary to have stored responses."}
	batches = &route{kind: absentRoute, unoffered: true, name: "messages", dialect: messages.Create,
		why: "Message batches are not offered. Send each request to /v1/messages."}
	files = &route{kind: absentRoute, unoffered: true, name: "messages", dialect: messages.Create,
		why: "Files, skills and text completions are not offered. Send what the model shall read in the request to /v1/messages."}

	createResponse = translated("responses", "/v1/chat/completions", responses.Create)

	routes = map[string]*route{
		"/v1/chat/completions": {kind: dialectRoute, name: "chat", method: "POST", dialect: chat.Chat},
		"/v1/completions":      {kind: dialectRoute, name: "completions", method: "POST", dialect: chat.Completions},
		"/tokenize":            {kind: dialectRoute, name: "tokenize", method: "POST", dialect: chat.Tokenize, replyAsIs: true},
		"/detokenize":          {kind: dialectRoute, name: "detokenize", method: "POST", dialect: chat.Detokenize, replyAsIs: true},
		"/v1/models":           listed("models", models.List, codexModels),
		"/health":              health,
		"/livez":               livez,
		"/readyz":              readyz,
		"/":                    root,

		"/v1/responses":              createResponse,
		"/v1/responses/compact":      translated("responses_compact", "/v1/chat/completions", responses.Compact),
		"/v1/responses/input_tokens": translated("responses_input_tokens", "/tokenize", responses.InputTokens),
		"/v1/messages":               translated("messages", "/v1/chat/completions", messages.Create),
		"/v1/messages/count_tokens":  translated("messages_count_tokens", "/tokenize", messages.CountTokens),
		"/v1/conversations":          stateful,

		"/v1/metrics": telemetry,
		"/v1/logs":    telemetry,
		"/v1/traces":  telemetry,
	}

	// prefixes are looked at where routes has no entry.
	prefixes = []struct {
		path  string
		route *route
	}{
		{"/v1/responses/", stateful},
		{"/v1/conversations/", stateful},
		{"/v1/messages/", batches},
	}
)

// anthropics is the route that a client of Anthropic's means.
func anthropics(r *route, path string) *route {
	switch {
	case r.anthropic != nil:
		return r.anthropic
	case r != passThrough:
		return r
	}
	// An upstream may have files of its own, for OpenAI's clients.
	for _, p := range []string{"/v1/files", "/v1/skills", "/v1/complete"} {
		if rest, ok := strings.CutPrefix(path, p); ok && (rest == "" || rest[0] == '/') {
			return files
		}
	}
	return r
}

// doubled is the route of a path that begins with /v1 twice, where the client meant r: an
// upstream's "Not Found" would not tell its user what to change.
func doubled(r *route) *route {
	d := &route{kind: absentRoute, name: r.name, dialect: r.dialect,
		why: "The path begins with /v1 twice: this client puts /v1 behind its base URL itself. " +
			"The base URL should end where /v1 begins, such as http://127.0.0.1:9000."}
	if r.anthropic != nil {
		d.anthropic = doubled(r.anthropic)
	}
	return d
}

func translated(name, upstream string, t hub.Translator) *route {
	return &route{kind: dialectRoute, name: name, method: "POST", dialect: t, translator: t, upstream: upstream}
}

// listed is a route of models, in OpenAI's words and in Anthropic's; codex is the one in Codex's.
func listed(name string, d models.Dialect, codex *route) *route {
	t := d.ForAnthropic(messages.Create)
	return &route{kind: dialectRoute, name: name, method: "GET", dialect: d, codex: codex,
		anthropic: &route{kind: dialectRoute, name: name, method: "GET", dialect: t, translator: t, upstream: "/v1/models"}}
}

const modelPrefix = "/v1/models/"

// find returns the route of a path without its query, and the path that the upstream
// knows: one trailing slash is tolerated, since vLLM would answer it with a redirect.
func (g *Gateway) find(path string) (r *route, canonical, model string) {
	// The upstream undoes escapes before it looks for a route, so what is escaped must
	// not get past ours; those that are none stay as they are, and undo no others.
	plain, _ := jsonedit.AppendPercentDecoded(nil, path)
	canonical = string(plain)
	if len(canonical) > 1 && strings.HasSuffix(canonical, "/") && !strings.HasSuffix(canonical, "//") {
		canonical = canonical[:len(canonical)-1]
	}
	if r = routes[canonical]; r != nil {
		if (r == health || r == livez || r == readyz) && !g.edge.Health {
			return passThrough, path, ""
		}
		return r, canonical, ""
	}
	if name, ok := strings.CutPrefix(canonical, modelPrefix); ok && name != "" && !strings.HasPrefix(name, "/") {
		return modelEntry, "/v1/models", name
	}
	if rest, ok := strings.CutPrefix(canonical, "/v1/v1/"); ok {
		meant, _, _ := g.find("/v1/" + rest)
		return doubled(meant), canonical, ""
	}
	for _, p := range prefixes {
		if strings.HasPrefix(canonical, p.path) {
			return p.route, canonical, ""
		}
	}
	return passThrough, path, ""
}
