package simulator

import (
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Options say which server to simulate. The zero value is a plain one.
type Options struct {
	ServedModel  string        `help:"Name of the served model." default:"Qwen/Qwen3.5-397B-A17B-FP8"`
	MaxModelLen  int           `help:"Context window in tokens." default:"32768"`
	APIKey       string        `name:"api-key" help:"Key that /v1/* asks for; none asks for none."`
	Control      bool          `help:"Let requests ask for scripts and faults (for tests)."`
	OldDeveloper bool          `help:"Refuse the role developer, as vLLM before 0.32 does with Qwen's template."`
	ChunkDelay   time.Duration `help:"Pause before each event of a stream."`
	Fault        []string      `help:"Faults of every reply, name or name=value; see the package's documentation."`
}

const (
	defaultModel       = "Qwen/Qwen3.5-397B-A17B-FP8"
	defaultMaxModelLen = 32768
	version            = "0.32.0"
	fingerprint        = "vllm-0.32.0-bc32ddd4"
)

type server struct {
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

// New returns the simulated server.
func New(o Options) http.Handler {
	if o.ServedModel == "" {
		o.ServedModel = defaultModel
	}
	if o.MaxModelLen <= 0 {
		o.MaxModelLen = defaultMaxModelLen
	}
	s := &server{o: o, started: time.Now()}
	s.scripts.m = map[string]*scriptEntry{}
	s.routes = map[string]route{
		"/health":              {http.MethodGet, s.empty},
		"/version":             {http.MethodGet, s.version},
		"/v1/models":           {http.MethodGet, s.models},
		"/v1/chat/completions": {http.MethodPost, s.chat},
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
	f, err := parseFaults(strings.Join(s.o.Fault, ","))
	if err == nil && s.o.Control {
		f, err = parseFaults(append(s.o.Fault, r.Header.Values(faultHeader)...)...)
	}
	if err != nil {
		writeError(w, badRequest(err.Error()))
		return
	}
	r = withFaults(r, f)
	rt, ok := s.routes[r.URL.Path]
	if !ok {
		writeDetail(w, http.StatusNotFound, "Not Found")
		return
	}
	if r.Method != rt.method {
		w.Header().Set("Allow", rt.method)
		writeDetail(w, http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	}
	rt.serve(w, r)
}

func (s *server) empty(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}

func (s *server) version(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Version string `json:"version"`
	}{version})
}

// totals are what /metrics tells.
type totals struct {
	prompt, generated, succeeded atomic.Int64
}

func (s *server) count(prompt, generated int) {
	s.totals.prompt.Add(int64(prompt))
	s.totals.generated.Add(int64(generated))
	s.totals.succeeded.Add(1)
}

// requestID is the client's own X-Request-Id or a new one.
func (s *server) requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); id != "" {
		return id
	}
	return s.nextID()
}
