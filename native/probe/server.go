package probe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// Kinds of servers, as far as they can be told apart.
const (
	VLLM     = "vLLM"
	SGLang   = "SGLang"
	LlamaCpp = "llama.cpp"
	Unknown  = ""
)

// A Server is what the checks ask, in the order in which a round asks: Reach begins one, and
// forgets what the last has learned. It is not safe for concurrent use.
type Server struct {
	place
	quotes
	upstream config.Upstream
	client   *upstream.Client
	models   *list // what /v1/models said in this round; nil: not asked yet
}

// New makes a Server of a configuration's. Close must be called.
func New(u config.Upstream, t config.Timeouts) (*Server, error) {
	client, err := upstream.New(u.URL, t)
	if err != nil {
		return nil, err
	}
	parsed, err := upstream.Parse(u.URL)
	if err != nil {
		return nil, err
	}
	return &Server{place: place{parsed}, quotes: quotes{u.APIKey}, upstream: u, client: client}, nil
}

// Close drops the connections.
func (s *Server) Close() { s.client.Close() }

// How long a question may take, and one for which the model has to say a token.
const (
	patience     = 5 * time.Second
	chatPatience = 30 * time.Second
)

// maxAnswer is how much of an answer is read.
const maxAnswer = 4 << 20

// An Answer is a server's, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Ask asks with the configured key, if there is one. A nil body is a GET, any other a POST of
// JSON. A redirect is an answer.
func (s *Server) Ask(ctx context.Context, path string, body []byte) (*Answer, error) {
	limit := patience
	if body != nil {
		limit = chatPatience
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r := upstream.Request{Method: http.MethodGet, Target: path, Body: body,
		Header: http.Header{"Accept": {"application/json"}, "User-Agent": {"qwenvoy"}}}
	if body != nil {
		r.Method = http.MethodPost
		r.Header.Set("Content-Type", "application/json")
	}
	if s.upstream.APIKey != "" {
		r.Header.Set("Authorization", "Bearer "+s.upstream.APIKey)
	}
	reply, err := s.client.Send(ctx, &r)
	if err != nil {
		return nil, err
	}
	defer reply.Close()
	b, err := io.ReadAll(io.LimitReader(reply, maxAnswer))
	if err != nil {
		return nil, err
	}
	return &Answer{Status: reply.Status, Header: reply.Header, Body: b}, nil
}

// Said is in one sentence what the server answered to a question, or why no answer came.
func (s *Server) Said(a *Answer, err error) string {
	if err != nil {
		return "no answer: " + s.cause(err)
	}
	return fmt.Sprintf("%d: %s", a.Status, s.words(a))
}

// json is the answer's value, nothing where it is none.
func (a *Answer) json() gjson.Result {
	if !gjson.ValidBytes(a.Body) {
		return gjson.Result{}
	}
	return gjson.ParseBytes(a.Body)
}

// All asks for everything, in order. Where nothing answers there is nothing more to ask.
func (s *Server) All(ctx context.Context) []Finding {
	found := s.Basics(ctx)
	if len(found) == 1 {
		return found
	}
	return append(found, s.Parsers(ctx)...)
}

// Basics asks for what costs the server nothing.
func (s *Server) Basics(ctx context.Context) []Finding {
	found := []Finding{s.Reach(ctx)}
	if found[0].Status == Fail {
		return found
	}
	return append(found, s.Key(ctx), s.Version(ctx), s.Model(ctx), s.Window(ctx))
}

// Parsers has the model say three tokens.
func (s *Server) Parsers(ctx context.Context) []Finding {
	return []Finding{s.Reasoning(ctx), s.Tools(ctx)}
}
