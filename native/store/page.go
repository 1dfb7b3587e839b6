package store

import "slices"

// A pager picks a page from the items that it is handed in order. Of several with one id
// it takes the first: a list is paged by ids.
type pager struct {
	page  Page
	found bool // what stands before the page
	seen  map[string]struct{}
	out   Items
}

func newPager(p Page) *pager {
	return &pager{page: p, found: p.After == "", seen: map[string]struct{}{}}
}

// add keeps the item if it belongs to the page, and reports whether it wants more.
func (g *pager) add(i Item) bool {
	if _, again := g.seen[i.ID]; again && i.ID != "" {
		return true
	}
	g.seen[i.ID] = struct{}{}
	switch {
	case !g.found:
		g.found = i.ID == g.page.After
	case len(g.out.Items) >= g.page.Limit:
		g.out.More = true
		return false
	default:
		g.out.Items = append(g.out.Items, i)
	}
	return true
}

func (g *pager) result() (Items, error) {
	if !g.found {
		return Items{}, ErrNoItem
	}
	return g.out, nil
}

// A walk hands over the turns that a response's context is made of, newest first, until
// visit returns false. The turns are visit's to keep.
type walk func(visit func(Entry) bool) error

// chain gathers what a walk finds, oldest first.
func (w walk) chain(maxBytes int) ([]Entry, error) {
	var turns []Entry
	var refused error
	err := w(func(t Entry) bool {
		if !t.Status.Finished() && t.ID != "" {
			refused = ErrInProgress
			return false
		}
		for _, items := range [...][]Item{t.Input, t.Output} {
			for _, i := range items {
				maxBytes -= len(i.JSON)
			}
		}
		if maxBytes < 0 {
			refused = ErrTooLarge
			return false
		}
		turns = append(turns, t)
		return true
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, err
	}
	slices.Reverse(turns)
	return turns, nil
}

// inputItems pages through the turns' items without the newest turn's output. Newest
// first it reads no further than the page; oldest first it has to find the beginning.
func (w walk) inputItems(p Page) (Items, error) {
	g := newPager(p)
	lists := func(visit func([]Item) bool) error {
		newest := true
		return w(func(t Entry) bool {
			output := t.Output
			if newest {
				newest, output = false, nil
			}
			return visit(output) && visit(t.Input)
		})
	}
	if p.Descending {
		if err := lists(func(items []Item) bool {
			for _, i := range slices.Backward(items) {
				if !g.add(i) {
					return false
				}
			}
			return true
		}); err != nil {
			return Items{}, err
		}
		return g.result()
	}
	var all [][]Item
	if err := lists(func(items []Item) bool {
		all = append(all, items)
		return true
	}); err != nil {
		return Items{}, err
	}
	for _, items := range slices.Backward(all) {
		for _, i := range items {
			if !g.add(i) {
				return g.result()
			}
		}
	}
	return g.result()
}
