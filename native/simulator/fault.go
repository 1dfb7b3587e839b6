package simulator

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

// faultHeader asks for faults of one reply: "name[=value], …".
const faultHeader = "X-Simulate"

// faults are what is to go wrong with a reply. Counts are of events in a
// stream and of body bytes in a reply of one piece; -1 is never.
type faults struct {
	misplaced, reasoningContent, leakedThink, badArguments bool
	errorInStream, cutEvent, noDone, keepAlive             bool
	crlf, cr, gzip, tooMany, unavailable                   bool
	noReasoningParser, noToolParser                        bool
	cut, stall, split                                      int
	slow, lateHead                                         time.Duration
}

const preset = 3 // events before a cut or a stall that names no number

// knownFaults maps a fault's name to what it sets; value is "" where none was
// given.
var knownFaults = map[string]func(f *faults, value string) error{
	"misplaced":         set(func(f *faults) { f.misplaced = true }),
	"reasoning-content": set(func(f *faults) { f.reasoningContent = true }),
	"leaked-think":      set(func(f *faults) { f.leakedThink = true }),
	"bad-arguments":     set(func(f *faults) { f.badArguments = true }),
	// As of a server that was started without them.
	"no-reasoning-parser": set(func(f *faults) { f.noReasoningParser = true }),
	"no-tool-parser":      set(func(f *faults) { f.noToolParser = true }),
	"error-in-stream":     set(func(f *faults) { f.errorInStream = true }),
	"cut-event":           set(func(f *faults) { f.cutEvent = true }),
	"no-done":             set(func(f *faults) { f.noDone = true }),
	"keep-alive":          set(func(f *faults) { f.keepAlive = true }),
	"crlf":                set(func(f *faults) { f.crlf = true }),
	"cr":                  set(func(f *faults) { f.cr = true }),
	"gzip":                set(func(f *faults) { f.gzip = true }),
	"429":                 set(func(f *faults) { f.tooMany = true }),
	"503":                 set(func(f *faults) { f.unavailable = true }),
	"cut":                 count(preset, func(f *faults, n int) { f.cut = n }),
	"stall":               count(preset, func(f *faults, n int) { f.stall = n }),
	"split":               count(-1, func(f *faults, n int) { f.split = max(n, 1) }),
	"slow":                duration(func(f *faults, d time.Duration) { f.slow = d }),
	"late-head":           duration(func(f *faults, d time.Duration) { f.lateHead = d }),
}

func set(do func(*faults)) func(*faults, string) error {
	return func(f *faults, value string) error {
		if value != "" {
			return fmt.Errorf("takes no value, got %q", value)
		}
		do(f)
		return nil
	}
}

func count(preset int, do func(*faults, int)) func(*faults, string) error {
	return func(f *faults, value string) error {
		n, err := strconv.Atoi(value)
		if value == "" && preset >= 0 {
			n, err = preset, nil
		}
		if err != nil || n < 0 {
			return fmt.Errorf("wants a number from 0 up, got %q", value)
		}
		do(f, n)
		return nil
	}
}

func duration(do func(*faults, time.Duration)) func(*faults, string) error {
	return func(f *faults, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return fmt.Errorf("wants a duration like 50ms, got %q", value)
		}
		do(f, d)
		return nil
	}
}

// parseFaults reads lists of "name[=value]", separated by commas.
func parseFaults(lists ...string) (faults, error) {
	f := faults{cut: -1, stall: -1, split: -1}
	for _, l := range lists {
		for _, item := range strings.Split(l, ",") {
			if item = strings.TrimSpace(item); item == "" {
				continue
			}
			name, value, _ := strings.Cut(item, "=")
			apply, ok := knownFaults[name]
			if !ok {
				var names []string
				for n := range knownFaults {
					names = append(names, n)
				}
				sort.Strings(names)
				return f, fmt.Errorf("unknown fault %q; known are %s", name, strings.Join(names, ", "))
			}
			if err := apply(&f, value); err != nil {
				return f, fmt.Errorf("fault %s %w", name, err)
			}
		}
	}
	return f, nil
}

type faultsKey struct{}

func faultsOf(r *http.Request) faults { return r.Context().Value(faultsKey{}).(faults) }

func withFaults(r *http.Request, f faults) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), faultsKey{}, f))
}

// send writes a reply of one piece with what is to go wrong with it.
func (f faults) send(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	if f.reasoningContent {
		body = bytes.ReplaceAll(body, []byte(`"reasoning":`), []byte(`"reasoning_content":`))
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if f.gzip {
		var z bytes.Buffer
		zw := gzip.NewWriter(&z)
		zw.Write(body)
		zw.Close()
		body = z.Bytes()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if !pause(r.Context(), f.slow) {
		return
	}
	w.WriteHeader(status)
	flusher := http.NewResponseController(w)
	end := len(body)
	if f.cutEvent {
		f.cut = len(body) / 2
	}
	if f.cut >= 0 {
		end = min(end, f.cut)
	}
	if f.stall >= 0 {
		end = min(end, f.stall)
	}
	step := end
	if f.split > 0 {
		step = f.split
	}
	for i := 0; i < end; i += step {
		if _, err := w.Write(body[i:min(end, i+step)]); err != nil {
			return
		}
		if f.split > 0 {
			flusher.Flush()
		}
	}
	if f.stall >= 0 {
		flusher.Flush()
		<-r.Context().Done()
		return
	}
	if f.cut >= 0 {
		flusher.Flush()
		panic(http.ErrAbortHandler)
	}
}

// events writes a stream of server-sent events with what is to go wrong.
type events struct {
	f     faults
	delay time.Duration
	w     http.ResponseWriter
	r     *http.Request
	body  io.Writer
	zip   *gzip.Writer
	flush func() error
	sent  int
	ended bool // nothing more is to be written
	gone  string
}

func (s *server) openEvents(w http.ResponseWriter, r *http.Request) *events {
	e := &events{f: faultsOf(r), delay: s.o.ChunkDelay, w: w, r: r, body: w, flush: http.NewResponseController(w).Flush, gone: s.engineGone}
	if e.f.slow > 0 {
		e.delay = e.f.slow
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	if e.f.gzip {
		w.Header().Set("Content-Encoding", "gzip")
		e.zip = gzip.NewWriter(w)
		e.body = e.zip
	}
	w.WriteHeader(http.StatusOK)
	e.flush()
	return e
}

// send writes one event; false means that the stream is over.
func (e *events) send(data []byte) bool {
	if e.ended {
		return false
	}
	if e.f.reasoningContent {
		data = bytes.ReplaceAll(data, []byte(`"reasoning":`), []byte(`"reasoning_content":`))
	}
	if e.f.stall >= 0 && e.sent >= e.f.stall {
		<-e.r.Context().Done()
		e.ended = true
		return false
	}
	if e.f.cut >= 0 && e.sent >= e.f.cut {
		panic(http.ErrAbortHandler)
	}
	if e.f.errorInStream && e.sent == preset {
		e.f.errorInStream = false
		e.send([]byte(`{"error": {"message": "` + e.gone + `", "type": "InternalServerError", "param": null, "code": 500}}`))
		e.done()
		return false
	}
	if !pause(e.r.Context(), e.delay) {
		e.ended = true
		return false
	}
	if e.f.keepAlive {
		e.write([]byte(": keep-alive\n\n"))
	}
	event := append(append([]byte("data: "), data...), "\n\n"...)
	if e.f.cutEvent && e.sent == preset-1 {
		e.write(event[:len(event)/2])
		panic(http.ErrAbortHandler)
	}
	e.sent++
	return e.write(event)
}

func (e *events) write(event []byte) bool {
	switch {
	case e.f.crlf:
		event = bytes.ReplaceAll(event, []byte("\n"), []byte("\r\n"))
	case e.f.cr:
		event = bytes.ReplaceAll(event, []byte("\n"), []byte("\r"))
	}
	step := len(event)
	if e.f.split > 0 {
		step = e.f.split
	}
	for i := 0; i < len(event); i += step {
		if _, err := e.body.Write(event[i:min(len(event), i+step)]); err != nil {
			e.ended = true
			return false
		}
		if e.zip != nil {
			e.zip.Flush()
		}
		e.flush()
	}
	return true
}

// done ends the stream.
func (e *events) done() {
	if e.ended {
		return
	}
	if !e.f.noDone {
		e.send([]byte("[DONE]"))
	}
	if e.zip != nil {
		e.zip.Close()
	}
	e.ended = true
}
