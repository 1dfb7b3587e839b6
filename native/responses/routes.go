package responses

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// stored serves what is stored.
type stored struct {
	store    store.Store
	archive  *keeper.Archive
	observer *server.Observer
	clock    clock
}

// A request is one to what is stored.
type request struct {
	*http.Request
	*stored
	w      http.ResponseWriter
	query  url.Values
	tenant string
	// observed is w where this package serves the whole exchange.
	observed *server.Observed
	// memory is what the request holds of the memory of all.
	memory memory.Share
}

func (s *stored) request(w http.ResponseWriter, r *http.Request, c access.Credential) *request {
	q := &request{Request: r, stored: s, w: w, query: r.URL.Query(), tenant: c.Tenant()}
	q.memory.Begin(s.archive.Memory())
	return q
}

// reads is the context of reads from the store, which count against the request's memory.
func (q *request) reads() context.Context { return memory.With(q.Context(), &q.memory) }

// A route is what may be asked of a path: what serves which method. id and item are taken
// from the path.
type route map[string]func(q *request, id, item string) *hub.Problem

// routes are the paths behind /v1/, with * for an id.
var routes = map[string]route{
	"responses/*": {
		http.MethodGet:    func(q *request, id, _ string) *hub.Problem { return q.getResponse(id) },
		http.MethodDelete: func(q *request, id, _ string) *hub.Problem { return q.deleteResponse(id) },
	},
	"responses/*/input_items": {
		http.MethodGet: func(q *request, id, _ string) *hub.Problem { return q.inputItems(id) },
	},
	"responses/*/cancel": {
		http.MethodPost: func(q *request, id, _ string) *hub.Problem { return q.cancel(id) },
	},
	"conversations": {
		http.MethodPost: func(q *request, _, _ string) *hub.Problem { return q.createConversation() },
	},
	"conversations/*": {
		http.MethodGet:    func(q *request, id, _ string) *hub.Problem { return q.getConversation(id) },
		http.MethodPost:   func(q *request, id, _ string) *hub.Problem { return q.updateConversation(id) },
		http.MethodDelete: func(q *request, id, _ string) *hub.Problem { return q.deleteConversation(id) },
	},
	"conversations/*/items": {
		http.MethodGet:  func(q *request, id, _ string) *hub.Problem { return q.conversationItems(id) },
		http.MethodPost: func(q *request, id, _ string) *hub.Problem { return q.addItems(id) },
	},
	"conversations/*/items/*": {
		http.MethodGet:    (*request).getItem,
		http.MethodDelete: (*request).deleteItem,
	},
}

// find finds the route of a path, nil for none.
func find(path string) (r route, id, item string) {
	parts := strings.Split(strings.TrimPrefix(path, "/v1/"), "/")
	for i, name := range map[int]*string{1: &id, 3: &item} {
		if i < len(parts) {
			*name, parts[i] = parts[i], "*"
		}
	}
	return routes[strings.Join(parts, "/")], id, item
}

// serve serves a request for what is stored.
func (s *stored) serve(w http.ResponseWriter, r *http.Request, path string) {
	kind, _, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
	out := s.observer.Observe(w, r, kind+"_stored")
	defer out.End()
	q := s.request(out, r, server.CredentialOf(r))
	defer q.memory.Release()
	q.observed = out
	if p := q.serve(path); p != nil {
		out.Failed(p.Reason)
		refuse(out, p)
	}
}

func (q *request) serve(path string) *hub.Problem {
	r, id, item := find(path)
	if r == nil {
		return nothingAt(q.URL.Path)
	}
	serve := r[q.Method]
	if serve == nil {
		var allowed []string
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			if r[m] != nil {
				allowed = append(allowed, m)
			}
		}
		return hub.MethodNotAllowed(q.Method, q.URL.Path, strings.Join(allowed, ", "))
	}
	return serve(q, id, item)
}
