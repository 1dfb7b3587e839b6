package simulator

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Options say which server to simulate. The zero value is a plain one.
type Options struct {
	ServedModel  string        `help:"Name of the served model." default:"Qwen/Qwen3.5-397B-A17B-FP8"`
	VLLM         string        `name:"vllm" enum:"0.32,0.33" default:"0.32" help:"Release of vLLM: ${enum}."`
	MaxModelLen  int           `help:"Context window in tokens." default:"262144"`
	APIKey       string        `name:"api-key" help:"Key that /v1/* asks for; none asks for none."`
	Control      bool          `help:"Let requests ask for scripts and faults (for tests)."`
	Images       bool          `help:"Take images, as Qwen3.5 does; without it the model is one of text alone."`
	OldDeveloper bool          `help:"Refuse the role developer, as vLLM before 0.32 does with Qwen's template."`
	ChunkDelay   time.Duration `help:"Pause before each event of a stream."`
	Fault        []string      `help:"Faults of every reply, name or name=value; see the package's documentation."`
}

const (
	// DefaultModel is the served model when Options name none.
	DefaultModel       = "Qwen/Qwen3.5-397B-A17B-FP8"
	defaultMaxModelLen = 262144
)

type server struct {
	release
	o       Options
	routes  map[string]route
	scripts scripts
	started time.Time
	running atomic.Int64
	serial  atomic.Uint64
	totals  totals
}

type route struct {
	method string
	serve  http.HandlerFunc
}

// Validate reports a fault or a release that doesn't exist, and names those that do.
func (o *Options) Validate() error {
	if err := o.checkRelease(); err != nil {
		return err
	}
	_, err := parseFaults(o.Fault...)
	return err
}

// New returns the simulated server. With an unknown name in o.Fault it
// answers every request by a 400 that says so: see [Options.Validate].
func New(o Options) http.Handler {
	if o.ServedModel == "" {
		o.ServedModel = DefaultModel
	}
	if o.MaxModelLen <= 0 {
		o.MaxModelLen = defaultMaxModelLen
	}
	s := &server{o: o, started: time.Now()}
	s.release, _ = o.release()
	s.scripts.m = map[string]*scriptEntry{}
	get, post := http.MethodGet, http.MethodPost
	s.routes = map[string]route{
		"/health":              {get, empty},
		"/ping":                {get, empty},
		"/load":                {get, s.load},
		"/version":             {get, s.showVersion},
		"/metrics":             {get, s.metrics},
		"/v1/models":           {get, s.models},
		"/v1/chat/completions": {post, s.chat},
		"/v1/completions":      {post, s.completions},
		"/tokenize":            {post, s.tokenize},
		"/detokenize":          {post, s.detokenize},
		// Needs a flag that our server was not given.
		"/v1/chat/completions/render": {post, disabled},
	}
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.o.Control {
		if strings.HasPrefix(r.URL.Path, "/simulator/scripts/") {
			s.scripts.serveControl(w, r)
			return
		}
		if id := r.Header.Get(scriptHeader); id != "" {
			s.scripts.reply(w, r, id)
			return
		}
	}
	w.Header().Set("Server", "uvicorn")
	w.Header().Set("Vary", "Origin")
	asked := s.o.Fault
	if s.o.Control {
		asked = slices.Concat(asked, r.Header.Values(faultHeader))
	}
	f, err := parseFaults(asked...)
	if err != nil {
		writeError(w, badRequest(err.Error()))
		return
	}
	r = withFaults(r, f)
	s.route(w, r)
}

func (s *server) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if s.o.APIKey != "" && strings.HasPrefix(path, "/v1") && r.Method != http.MethodOptions &&
		r.Header.Get("Authorization") != "Bearer "+s.o.APIKey {
		w.Header().Del("Vary")
		writeJSON(w, http.StatusUnauthorized, struct {
			Error string `json:"error"`
		}{"Unauthorized"})
		return
	}
	rt, ok := s.routes[path]
	if r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != "" {
		refusePreflight(w, r)
		return
	}
	if !ok {
		if bare := strings.TrimRight(path, "/"); bare != path && s.routes[bare].serve != nil {
			target := "http://" + r.Host + bare
			if r.URL.RawQuery != "" {
				target += "?" + r.URL.RawQuery
			}
			w.Header().Set("Location", target)
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		writeDetail(w, http.StatusNotFound, "Not Found")
		return
	}
	if r.Method != rt.method && !(path == "/ping" && r.Method == http.MethodPost) {
		w.Header().Set("Allow", rt.method)
		writeDetail(w, http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	}
	if rt.method == http.MethodPost {
		s.running.Add(1)
		defer s.running.Add(-1)
		if s.refuse(w, r) {
			return
		}
	}
	rt.serve(w, r)
}

// refuse answers a request that a fault keeps from being served.
func (s *server) refuse(w http.ResponseWriter, r *http.Request) bool {
	f := faultsOf(r)
	if f.lateHead > 0 || f.tooMany || f.unavailable {
		// Reading first lets net/http notice that the client goes.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return true
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if !pause(r.Context(), f.lateHead) {
		return true
	}
	switch {
	case f.tooMany:
		w.Header().Set("Retry-After", "1")
		writeError(w, &apiError{
			Message: "Too many requests. Please try again later.",
			Type:    "TooManyRequestsError", Code: http.StatusTooManyRequests,
		})
	case f.unavailable:
		writeError(w, &apiError{
			Message: "The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.",
			Type:    "Service Unavailable", Code: http.StatusServiceUnavailable,
		})
	default:
		return false
	}
	return true
}

func empty(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}

func (s *server) showVersion(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Version string `json:"version"`
	}{s.version})
}

// totals are what /metrics tells.
type totals struct {
	prompt, generated, stopped, cut atomic.Int64
}

// count adds an answered request to the totals.
func (t *totals) count(prompt, generated int, reason string) {
	t.prompt.Add(int64(prompt))
	t.generated.Add(int64(generated))
	if reason == "length" {
		t.cut.Add(1)
	} else {
		t.stopped.Add(1)
	}
}

// requestID is the client's own X-Request-Id or a new one.
func (s *server) requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); id != "" {
		return id
	}
	return s.nextID()
}

func disabled(w http.ResponseWriter, r *http.Request) {
	e := badRequest("Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them.")
	e.Type, e.Code = "PermissionDeniedError", http.StatusForbidden
	writeError(w, e)
}

// refusePreflight is the reply of vLLM's CORS layer to every origin, as its
// defaults have it (recorded).
func refusePreflight(w http.ResponseWriter, r *http.Request) {
	const text = "Disallowed CORS origin"
	h := w.Header()
	h.Set("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network")
	h.Set("Access-Control-Allow-Methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY")
	h.Set("Access-Control-Max-Age", "600")
	if v := r.Header.Get("Access-Control-Request-Headers"); v != "" {
		h.Set("Access-Control-Allow-Headers", v)
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusBadRequest)
	io.WriteString(w, text)
}
