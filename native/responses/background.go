package responses

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// background serves a create request with background: true. The turn runs on its own;
// the client gets what it is at first, or the stream of its events.
func (h *Handler) background(w http.ResponseWriter, r *http.Request, body []byte, by caller) {
	if n := h.jobs.Add(1); n > int64(h.config.Load().Responses.BackgroundJobs) {
		h.jobs.Add(-1)
		refuse(w, &hub.Problem{Status: 429, Type: "rate_limit_error", Code: "rate_limit_exceeded", Reason: "background_full", Header: [][2]string{{"retry-after", "5"}},
			Message: "Too many background responses are running (responses.background_jobs): wait until one has finished."})
		return
	}
	j := h.startJob(r, bytes.Clone(body), by)
	select {
	case <-j.begun:
	case <-j.over:
	case <-r.Context().Done():
		return // nobody will know its id, but it was asked for
	}
	select {
	case <-j.begun:
	default: // it never was a response
		if j.problem != nil {
			refuse(w, j.problem)
			return
		}
		maps.Copy(w.Header(), j.header)
		w.WriteHeader(max(j.status, http.StatusOK))
		_, _ = w.Write(j.reply)
		return
	}
	for _, f := range j.fields {
		w.Header().Set(f[0], f[1])
	}
	if !j.logged {
		answer(w, http.StatusOK, j.object)
		return
	}
	q := &request{Request: r, h: h, w: w, caller: by}
	if p := q.follow(j.id, 0); p != nil {
		refuse(w, p)
	}
}

// A job is a background response. It is the http.ResponseWriter of its turn; what that
// writes is brought into the store by a goroutine which gathers what comes meanwhile.
type job struct {
	h      *Handler
	turn   *turn
	cancel context.CancelFunc
	logged bool // events are kept

	// begun is closed when the response is stored for the first time, over when nothing
	// more happens. id, object (in its first state) and fields of the header for the
	// client are set by the former, problem by the latter.
	begun, over chan struct{}
	id          string
	object      []byte
	fields      [][2]string
	problem     *hub.Problem

	// Of the turn's reply; reply where it is no stream.
	header http.Header
	status int
	reply  []byte
	stream bool
	split  splitter

	mu      sync.Mutex
	changed sync.Cond
	events  [][]byte // that are not stored yet
	created []byte   // the object in its first state
	update  []byte   // the object when it went from queued to in progress, until it is stored
	working bool     // it has
	final   *final
	ended   bool // the turn has
	aborted bool // somebody asked for it to be cancelled
}

// startJob starts the turn. It owns the body, which the core has read before.
func (h *Handler) startJob(r *http.Request, body []byte, by caller) *job {
	ctx, cancel := context.WithCancel(h.base)
	j := &job{h: h, cancel: cancel, begun: make(chan struct{}), over: make(chan struct{}), header: http.Header{}}
	j.changed.L = &j.mu
	t := &turn{h: h, ctx: ctx, caller: by, body: recorded(body), job: j}
	j.turn = t
	own, _ := t.asked.asTurn(nil, body)
	j.logged = t.asked.streamed
	h.running.Add(1)
	h.finished.Add(2)
	go func() {
		defer h.finished.Done()
		defer j.turnEnded()
		h.serveInternal(j, h.internal(ctx, r, own), t)
	}()
	go func() {
		defer h.finished.Done()
		j.write()
		cancel()
		t.end()
		h.jobs.Add(-1)
		h.running.Add(-1)
		close(j.over)
	}()
	return j
}

// internal is the request of a turn that no HTTP client waits for, with what the
// client's request said of itself.
func (h *Handler) internal(ctx context.Context, r *http.Request, body []byte) *http.Request {
	out, _ := http.NewRequestWithContext(ctx, http.MethodPost, responsesPath, bytes.NewReader(body)) // never fails for this path
	out.Header = r.Header.Clone()
	for name := range out.Header {
		switch {
		case name == "Upgrade", name == "Connection", name == "Content-Encoding", name == "Accept-Encoding", name == "Expect", strings.HasPrefix(name, "Sec-Websocket-"):
			delete(out.Header, name)
		}
	}
	out.Header.Set("Content-Type", "application/json")
	out.RequestURI, out.Host, out.RemoteAddr = responsesPath, r.Host, r.RemoteAddr
	return out
}

// serveInternal serves such a turn. A reply that is cut short by a panic just ends.
func (h *Handler) serveInternal(w http.ResponseWriter, r *http.Request, t *turn) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			h.log.Error("panic in a turn", "panic", p)
		}
	}()
	h.next.ServeHTTP(w, r.WithContext(server.WithMemory(r.Context(), t)))
}

// Header is the reply's.
func (j *job) Header() http.Header { return j.header }

// WriteHeader takes the reply's status.
func (j *job) WriteHeader(status int) {
	if j.status == 0 && status >= 200 {
		j.status = status
		j.stream = status == http.StatusOK && strings.HasPrefix(j.header.Get("Content-Type"), "text/event-stream")
	}
}

// Write takes a piece of the reply.
func (j *job) Write(p []byte) (int, error) {
	j.WriteHeader(http.StatusOK)
	if !j.stream {
		j.reply = append(j.reply, p...)
		return len(p), nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.split.push(p, j.event)
	j.changed.Signal()
	return len(p), nil
}

// Flush has nothing to do.
func (j *job) Flush() {}

func (j *job) event(e event) bool {
	if len(e.data) == 0 || len(e.name) == 0 || j.final != nil {
		return true // a comment, or [DONE]
	}
	switch {
	case e.terminal():
		f, ok := readFinal(member(e.data, "response"))
		if !ok {
			return true
		}
		j.final = &f
		if f.status == store.Failed && j.aborted {
			f.cancelled() // the stream of a cancelled response just ends
			return true
		}
	case j.created == nil: // the core has told it before, but that is no duty
		j.created = bytes.Clone(member(e.data, "response"))
	case string(e.name) == "response.in_progress" && !j.working:
		j.working = true
		j.update = bytes.Clone(member(e.data, "response"))
	}
	if j.logged {
		j.events = append(j.events, bytes.Clone(e.raw))
	}
	return true
}

// startWith says what the response is at first, before the upstream is asked.
func (j *job) startWith(object []byte, header [][2]string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.created == nil {
		j.created, j.fields = bytes.Clone(object), header
		j.changed.Signal()
	}
}

func (j *job) turnEnded() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
	j.changed.Signal()
}

// abort ends the turn.
func (j *job) abort() {
	j.mu.Lock()
	j.aborted = true
	j.mu.Unlock()
	j.cancel()
}

// write brings the response into the store, from its first event to its last, and
// returns when the turn has ended.
func (j *job) write() {
	defer j.awaitEnd()
	if !j.start() {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	beside.Go(func() { j.renew(ctx) })
	beside.Go(func() { j.watch(ctx) })
	for next := uint64(0); ; {
		j.mu.Lock()
		for len(j.events) == 0 && j.update == nil && j.final == nil && !j.ended {
			j.changed.Wait()
		}
		events, update, final, ended := j.events, j.update, j.final, j.ended
		j.events, j.update = nil, nil
		j.mu.Unlock()
		var err error
		if final == nil && ended {
			final, events = j.brokeOff(next, events)
		}
		if final != nil {
			j.save(func(ctx context.Context) error {
				r := j.turn.response(final)
				if !j.logged {
					events = nil
				}
				return j.h.store.Finish(ctx, j.turn.tenant, j.h.owner, r, next, events)
			})
			j.turn.end()
			return
		}
		if update != nil {
			err = j.save(func(ctx context.Context) error {
				return j.h.store.Update(ctx, j.turn.tenant, j.id, j.h.owner, store.InProgress, update)
			})
		}
		if len(events) > 0 && err == nil {
			err = j.save(func(ctx context.Context) error {
				return j.h.store.Append(ctx, j.turn.tenant, j.id, j.h.owner, next, events)
			})
			next += uint64(len(events))
		}
		if err != nil {
			j.abort() // it is another's now, or deleted, or can't be kept
			return
		}
	}
}

// brokeOff makes the last state of a turn that ended without saying it, and its events
// from number next on: the upstream gave an error in place of a stream, or was not
// waited for, or the gateway failed.
func (j *job) brokeOff(next uint64, events [][]byte) (*final, [][]byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	code, message := "server_error", "The gateway failed on this response; its log says more."
	if e := member(j.reply, "error"); !j.stream && len(e) > 0 {
		if c := stringOf(member(e, "code")); c != "" {
			code = c
		}
		message = stringOf(member(e, "message"))
	}
	if next == 0 && len(events) == 0 {
		running := changed(nil, j.created, change{"status", `"in_progress"`})
		events = append(events, responseEvent("response.created", 0, j.created), responseEvent("response.in_progress", 1, running))
	}
	f := failedObject(j.created, code, message)
	if j.aborted {
		f.cancelled()
		return &f, events
	}
	return &f, append(events, responseEvent("response.failed", next+uint64(len(events)), f.object))
}

// awaitEnd waits for the turn.
func (j *job) awaitEnd() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for !j.ended {
		j.changed.Wait()
	}
}

// start waits for the first event and stores the response. false: there is none, or it
// can't be stored.
func (j *job) start() bool {
	j.mu.Lock()
	for j.created == nil && !j.ended {
		j.changed.Wait()
	}
	j.object = j.created
	j.mu.Unlock()
	if j.object == nil {
		return false
	}
	f, ok := readFinal(j.object)
	if !ok {
		j.problem = &hub.Problem{Status: 500, Type: hub.TypeServer, Reason: "store", Message: "The response could not be stored."}
		j.abort()
		return false
	}
	j.id = f.id
	r := j.turn.response(&f)
	r.Background, r.Logged = true, j.logged
	ctx, cancel := j.h.afterwards(j.turn.ctx)
	defer cancel()
	if err := j.h.store.Start(ctx, j.turn.tenant, r, store.Lease{Owner: j.h.owner, TTL: j.h.clock.lease}); err != nil {
		j.problem = j.h.problem(err, "Response", "", f.id)
		j.abort()
		return false
	}
	close(j.begun)
	return true
}

// save writes to the store, and again while that is not available and the lease holds.
func (j *job) save(write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), j.h.clock.lease)
	defer cancel()
	for {
		err := write(ctx)
		if errors.Is(err, store.ErrUnavailable) {
			j.h.unavailable()
			select {
			case <-ctx.Done():
			case <-time.After(j.h.clock.probe):
				continue
			}
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			j.h.log.Warn("a background response could not be stored", "response", j.id, "error", err.Error())
		}
		return err
	}
}

// renew keeps the lease.
func (j *job) renew(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(j.h.clock.lease / 3):
		}
		err := j.h.store.Renew(ctx, j.turn.tenant, j.id, store.Lease{Owner: j.h.owner, TTL: j.h.clock.lease})
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
			j.abort()
			return
		}
	}
}

// watch ends the turn when somebody cancels or deletes the response.
func (j *job) watch(ctx context.Context) {
	for {
		head, err := j.h.store.Await(ctx, j.turn.tenant, j.id, func(h store.Head) bool { return h.Cancelling || h.Status.Finished() })
		switch {
		case err == nil && head.Cancelling, errors.Is(err, store.ErrNotFound):
			j.abort()
			return
		case err == nil, ctx.Err() != nil:
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(j.h.clock.probe):
		}
	}
}

// failedObject is a response as it is when it can't go on.
func failedObject(object []byte, code, message string) final {
	f, _ := readFinal(object)
	f.status = store.Failed
	f.object = changed(nil, f.object, change{"status", `"failed"`}, change{"error", `{"code":` + quoted(code) + `,"message":` + quoted(message) + `}`})
	return f
}

// responseEvent is an event that says what the response is.
func responseEvent(name string, number uint64, object []byte) []byte {
	b := append([]byte("event: "+name+"\ndata: "), `{"type":"`+name+`","sequence_number":`...)
	b = append(append(strconv.AppendUint(b, number, 10), `,"response":`...), object...)
	return append(b, "}\n\n"...)
}

// sweepLapsed finishes responses whose process died.
func (h *Handler) sweepLapsed(ctx context.Context) {
	defer h.finished.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(h.clock.sweep):
		}
		if h.down.Load() {
			continue
		}
		lapsed, err := h.store.Lapsed(ctx, store.Lease{Owner: h.owner, TTL: h.clock.lease}, 100)
		if errors.Is(err, store.ErrUnavailable) {
			h.unavailable()
		}
		for _, l := range lapsed {
			h.finishLapsed(ctx, &l)
		}
	}
}

func (h *Handler) finishLapsed(ctx context.Context, l *store.Job) {
	_, object, err := h.store.Get(ctx, l.Tenant, l.ID)
	if err != nil {
		return // deleted meanwhile, or another process finds it
	}
	if items := h.loggedOutput(ctx, l); len(items) > 0 {
		object = changed(nil, object, change{"output", string(items)})
	}
	f := failedObject(object, "server_error", "The process that ran this response ended before it was finished.")
	var last [][]byte
	if l.Cancelling {
		f.cancelled()
	} else if l.Logged {
		last = [][]byte{responseEvent("response.failed", l.Events, f.object)}
	}
	r := &store.Response{Turn: store.Turn{Head: l.Head, Output: f.output}, Object: f.object}
	r.Status = f.status
	if err := h.store.Finish(ctx, l.Tenant, h.owner, r, l.Events, last); err != nil {
		if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
			h.log.Warn("a response whose process died could not be finished", "response", l.ID, "error", err.Error())
		}
		return
	}
	h.log.Warn("the process of a background response died: it is finished as it was", "response", l.ID, "status", string(f.status))
}

// loggedOutput is the list of the items that a response's event log has the end of.
func (h *Handler) loggedOutput(ctx context.Context, l *store.Job) (list []byte) {
	if !l.Logged {
		return nil
	}
	list = append(list, '[')
	for n := uint64(0); n < l.Events; {
		events, _, err := h.store.Events(ctx, l.Tenant, l.ID, n, eventsAtOnce)
		if err != nil || len(events) == 0 {
			break
		}
		n += uint64(len(events))
		for _, raw := range events {
			var s splitter
			s.push(raw, func(e event) bool {
				if string(e.name) == "response.output_item.done" {
					if len(list) > 1 {
						list = append(list, ',')
					}
					list = append(list, member(e.data, "item")...)
				}
				return true
			})
		}
	}
	return append(list, ']')
}

// resume serves GET /v1/responses/{id}?stream=true.
func (q *request) resume(id string) *hub.Problem {
	var from uint64
	if v := q.query.Get("starting_after"); v != "" {
		n, err := strconv.ParseUint(v, 10, 63)
		if err != nil {
			return invalid("starting_after", "starting_after: %s is not allowed here, an event's sequence_number is.", strconv.Quote(hub.Excerpt(v)))
		}
		from = n + 1
	}
	head, _, err := q.h.store.Get(q.Context(), q.tenant, id)
	if err != nil {
		return q.h.problem(err, "Response", "id", id)
	}
	if !head.Logged {
		return &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Param: "stream", Reason: "no_events",
			Message: "The events of response '" + hub.Excerpt(id) + "' were not kept, so it can't be streamed: only those of a response that was created with background: true and stream: true are."}
	}
	return q.follow(id, from)
}

// eventsAtOnce is how many events of a log are read at a time.
const eventsAtOnce = 64

// follow sends a response's events from number from on, to the last. The reply's head
// goes out with the first of them, or with a sign of life.
func (q *request) follow(id string, from uint64) *hub.Problem {
	flush := http.NewResponseController(q.w)
	begun := false
	begin := func() {
		if begun {
			return
		}
		begun = true
		header := q.w.Header()
		header.Set("Content-Type", "text/event-stream; charset=utf-8")
		header.Set("Cache-Control", "no-cache")
		header.Set("X-Accel-Buffering", "no")
		q.w.WriteHeader(http.StatusOK)
	}
	for {
		ctx, cancel := context.WithTimeout(q.Context(), q.h.clock.keepAlive)
		events, end, err := q.h.store.Events(ctx, q.tenant, id, from, eventsAtOnce)
		cancel()
		quiet := errors.Is(err, context.DeadlineExceeded) && q.Context().Err() == nil
		if err != nil && !quiet {
			if begun {
				return nil // cut: the client resumes from what it has
			}
			return q.h.problem(err, "Response", "id", id)
		}
		begin()
		if quiet {
			_, err = q.w.Write([]byte(": keep-alive\n\n"))
		} else {
			_, err = q.w.Write(bytes.Join(events, nil))
			from += uint64(len(events))
		}
		if err != nil {
			return nil // the client has left
		}
		if end && q.h.config.Load().Responses.DoneMarker {
			_, _ = q.w.Write([]byte("data: [DONE]\n\n"))
		}
		_ = flush.Flush()
		if end {
			return nil
		}
	}
}
