package keeper

import (
	"context"
	"errors"

	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Resolver finds the stored items that one request refers to. Each response is read once,
// whatever is referred to of it and how often, of its object no more is held than its output,
// and all that is found, each time that it is, may have limits.body bytes.
type Resolver struct {
	archive *Archive
	tenant  string
	share   *memory.Share
	left    int
	outputs map[string][]store.Item // of responses that were read
}

// NewResolver makes a Resolver of a tenant's items, whose bytes count against the share.
func (a *Archive) NewResolver(tenant string, share *memory.Share) *Resolver {
	limit, _ := a.Limits()
	return &Resolver{archive: a, tenant: tenant, share: share, left: limit, outputs: map[string][]store.Item{}}
}

// Item is an output item of a stored response, nil for one that is not there.
func (r *Resolver) Item(ctx context.Context, id string) ([]byte, *hub.Problem) {
	// The core gives an output item an id that names its response.
	response := responses.ResponseOf(id)
	if response == "" {
		return nil, nil
	}
	if ctx.Err() != nil { // nobody waits for the rest
		return nil, r.archive.Problem(ctx.Err(), "Item", "", id)
	}
	output, read := r.outputs[response]
	if !read {
		var p *hub.Problem
		if output, p = r.output(ctx, response, id); p != nil {
			return nil, p
		}
		r.outputs[response] = output
	}
	for i := range output {
		if output[i].ID == id {
			return r.resolved(output[i].JSON)
		}
	}
	return nil, nil
}

// resolved counts an item that takes a reference's place: the request grows by it, and so
// does what is stored of it.
func (r *Resolver) resolved(json []byte) ([]byte, *hub.Problem) {
	r.left -= len(json)
	switch {
	case r.left < 0:
		return nil, tooLong("input")
	case !r.share.Grow(len(json)):
		return nil, noMemory()
	}
	return json, nil
}

// output reads the output of a response.
func (r *Resolver) output(ctx context.Context, response, id string) ([]store.Item, *hub.Problem) {
	a := r.archive
	if a.health.down() {
		return nil, storeGone()
	}
	var reading memory.Share
	reading.Begin(a.memory)
	defer reading.Release()
	_, object, err := a.store.Get(memory.With(ctx, &reading), r.tenant, response)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, a.Problem(err, "Item", "", id)
	}
	output, _ := SplitItems(Member(object, "output"))
	size := Size(output)
	switch {
	case size > r.left:
		return nil, tooLong("input")
	case !r.share.Grow(size):
		return nil, noMemory()
	}
	return cloneItems(output), nil
}
