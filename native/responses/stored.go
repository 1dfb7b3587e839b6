package responses

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// getResponse serves GET /v1/responses/{id}.
func (q *request) getResponse(id string) *hub.Problem {
	if q.query.Get("stream") == "true" {
		return q.resume(id)
	}
	_, object, err := q.store.Get(q.reads(), q.tenant, id)
	if err != nil {
		return q.archive.Problem(err, "Response", "id", id)
	}
	answer(q.w, http.StatusOK, object)
	return nil
}

// deleteResponse serves DELETE /v1/responses/{id}. One that runs is ended by its owner.
func (q *request) deleteResponse(id string) *hub.Problem {
	if err := q.store.Delete(q.Context(), q.tenant, id); err != nil {
		return q.archive.Problem(err, "Response", "id", id)
	}
	answer(q.w, http.StatusOK, []byte(`{"id":`+keeper.Quoted(id)+`,"object":"response","deleted":true}`))
	return nil
}

// inputItems serves GET /v1/responses/{id}/input_items.
func (q *request) inputItems(id string) *hub.Problem {
	page, p := q.page()
	if p != nil {
		return p
	}
	items, err := q.store.InputItems(q.reads(), q.tenant, id, page)
	if err != nil {
		return q.listProblem(err, "Response", id, "after", page.After)
	}
	answer(q.w, http.StatusOK, appendList(nil, items))
	return nil
}

// cancel serves POST /v1/responses/{id}/cancel.
func (q *request) cancel(id string) *hub.Problem {
	head, object, err := q.store.Get(q.reads(), q.tenant, id)
	if err != nil {
		return q.archive.Problem(err, "Response", "id", id)
	}
	if !head.Background {
		return notInBackground(id)
	}
	if !head.Status.Finished() {
		if _, err = q.store.Cancel(q.Context(), q.tenant, id); err == nil {
			ctx, stop := context.WithTimeout(q.Context(), q.clock.cancelled)
			_, err = q.store.Await(ctx, q.tenant, id, func(h store.Head) bool { return h.Status.Finished() })
			stop()
			if errors.Is(err, context.DeadlineExceeded) && q.Context().Err() == nil {
				err = nil // what it is so far
			}
		}
		if err == nil {
			_, object, err = q.store.Get(q.reads(), q.tenant, id)
		}
		if err != nil {
			return q.archive.Problem(err, "Response", "id", id)
		}
	}
	answer(q.w, http.StatusOK, object)
	return nil
}

// page reads the query of a list.
func (q *request) page() (store.Page, *hub.Problem) {
	p := store.Page{Limit: 20, Descending: true, After: q.query.Get("after")}
	if v := q.query.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 100 {
			return p, invalid("limit", "limit: %s is not allowed here, a number from 1 to 100 is.", strconv.Quote(hub.Excerpt(v)))
		}
		p.Limit = n
	}
	switch v := q.query.Get("order"); v {
	case "", "desc":
	case "asc":
		p.Descending = false
	default:
		return p, invalid("order", "order: %s is not allowed here, asc and desc are.", strconv.Quote(hub.Excerpt(v)))
	}
	return p, nil
}

func invalid(param, format string, args ...any) *hub.Problem {
	p := hub.BadRequest(param, format, args...)
	p.Code = "invalid_value"
	return p
}

// listProblem is for lists: item is what param names of one.
func (q *request) listProblem(err error, what, id, param, item string) *hub.Problem {
	id, item = hub.Excerpt(id), hub.Excerpt(item)
	if errors.Is(err, store.ErrNoItem) {
		return itemNotFound(param, item, strings.ToLower(what), id)
	}
	if errors.Is(err, store.ErrChainBroken) {
		return inputIncomplete(id)
	}
	return q.archive.Problem(err, what, "id", id)
}

// appendList appends a page of items.
func appendList(dst []byte, items store.Items) []byte {
	dst = append(dst, `{"object":"list","data":[`...)
	dst = keeper.JoinItems(dst, items.Items)
	if n := len(items.Items); n > 0 {
		dst = append(append(dst, `],"first_id":`...), keeper.Quoted(items.Items[0].ID)...)
		dst = append(append(dst, `,"last_id":`...), keeper.Quoted(items.Items[n-1].ID)...)
	} else {
		dst = append(dst, `],"first_id":null,"last_id":null`...)
	}
	return append(strconv.AppendBool(append(dst, `,"has_more":`...), items.More), '}')
}
