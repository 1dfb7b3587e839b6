package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// scriptHeader names the script that a request is to be answered by.
const scriptHeader = "X-Simulate-Script"

// script is a reply that a test has prepared, as it's given to
// PUT /simulator/scripts/{id}.
type script struct {
	Status       int         `json:"status"`
	Headers      [][2]string `json:"headers"`
	Chunks       []string    `json:"chunks"`
	ChunksBase64 [][]byte    `json:"chunks_base64"`
	End          string      `json:"end"`    // "normal" (default) or "cut"
	GapMS        int         `json:"gap_ms"` // pause before each chunk but the first
}

// received is a request that a script has answered. Headers are sorted by
// name; Host and Transfer-Encoding are among them.
type received struct {
	Method  string      `json:"method"`
	Path    string      `json:"path"`
	Headers [][2]string `json:"headers"`
	Body    string      `json:"body_base64"`
}

type scriptEntry struct {
	script
	requests []received
}

// scripts holds the prepared replies and what they were given for.
type scripts struct {
	mu sync.Mutex
	m  map[string]*scriptEntry
}

func (s *scripts) serveControl(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, "/simulator/scripts/")
	if id == "" || strings.Contains(id, "/") {
		writeError(w, badRequest("a script's address is /simulator/scripts/{id}, one path element"))
		return
	}
	switch r.Method {
	case http.MethodPut:
		var sc script
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&sc); err != nil {
			writeError(w, badRequest("script: "+err.Error()))
			return
		}
		if err := sc.check(); err != nil {
			writeError(w, badRequest(err.Error()))
			return
		}
		s.mu.Lock()
		s.m[id] = &scriptEntry{script: sc}
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case http.MethodGet:
		s.mu.Lock()
		e := s.m[id]
		var got struct {
			Requests []received `json:"requests"`
		}
		if e != nil {
			got.Requests = append([]received{}, e.requests...)
		}
		s.mu.Unlock()
		if e == nil {
			writeError(w, noScript(id))
			return
		}
		writeJSON(w, http.StatusOK, got)
	case http.MethodDelete:
		s.mu.Lock()
		delete(s.m, id)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "DELETE, GET, PUT")
		writeDetail(w, http.StatusMethodNotAllowed, "Method Not Allowed")
	}
}

func (sc *script) check() error {
	if sc.Status == 0 {
		sc.Status = http.StatusOK
	}
	if sc.Status < 200 || sc.Status > 599 {
		return fmt.Errorf("script: status %d is not between 200 and 599", sc.Status)
	}
	if sc.End == "" {
		sc.End = "normal"
	}
	if sc.End != "normal" && sc.End != "cut" {
		return fmt.Errorf("script: end %q is neither \"normal\" nor \"cut\"", sc.End)
	}
	if sc.Chunks != nil && sc.ChunksBase64 != nil {
		return fmt.Errorf("script: give chunks or chunks_base64, not both")
	}
	if sc.GapMS < 0 {
		return fmt.Errorf("script: gap_ms %d is below 0", sc.GapMS)
	}
	for _, c := range sc.Chunks {
		sc.ChunksBase64 = append(sc.ChunksBase64, []byte(c))
	}
	sc.Chunks = nil
	return nil
}

func noScript(id string) *apiError {
	e := badRequest(fmt.Sprintf("there is no script %q; prepare it with PUT /simulator/scripts/%s", id, id))
	e.Code = http.StatusNotFound
	e.Type = "NotFoundError"
	return e
}

// reply answers r by the script named id and records r.
func (s *scripts) reply(w http.ResponseWriter, r *http.Request, id string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	rec := received{Method: r.Method, Path: r.URL.RequestURI(), Body: base64.StdEncoding.EncodeToString(body)}
	rec.Headers = append(rec.Headers, [2]string{"Host", r.Host})
	if len(r.TransferEncoding) > 0 {
		rec.Headers = append(rec.Headers, [2]string{"Transfer-Encoding", strings.Join(r.TransferEncoding, ", ")})
	}
	for k, vs := range r.Header {
		for _, v := range vs {
			rec.Headers = append(rec.Headers, [2]string{k, v})
		}
	}
	sort.SliceStable(rec.Headers, func(i, j int) bool { return rec.Headers[i][0] < rec.Headers[j][0] })
	s.mu.Lock()
	e := s.m[id]
	var sc script
	if e != nil {
		e.requests = append(e.requests, rec)
		sc = e.script
	}
	s.mu.Unlock()
	if e == nil {
		writeError(w, noScript(id))
		return
	}
	sc.write(w, r)
}

func (sc *script) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	clear(h)
	h["Date"], h["Content-Type"] = nil, nil // nothing that the script doesn't say
	stream := false
	for _, kv := range sc.Headers {
		h.Add(kv[0], kv[1])
		if strings.EqualFold(kv[0], "content-type") {
			stream = strings.HasPrefix(strings.ToLower(kv[1]), "text/event-stream")
		}
	}
	h.Del("Transfer-Encoding") // net/http's to say
	if len(sc.ChunksBase64) == 1 && sc.End == "normal" && !stream && h.Get("Content-Length") == "" {
		h.Set("Content-Length", strconv.Itoa(len(sc.ChunksBase64[0])))
	}
	w.WriteHeader(sc.Status)
	flusher := http.NewResponseController(w)
	if len(sc.ChunksBase64) != 1 || stream || sc.End == "cut" {
		flusher.Flush() // the head goes out even where no chunk follows
	}
	for i, c := range sc.ChunksBase64 {
		if i > 0 && !pause(r.Context(), time.Duration(sc.GapMS)*time.Millisecond) {
			return
		}
		if _, err := w.Write(c); err != nil {
			return
		}
		flusher.Flush()
	}
	if sc.End == "cut" {
		panic(http.ErrAbortHandler)
	}
}
