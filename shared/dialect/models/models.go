// Package models is the dialect of GET /v1/models and /v1/models/{id}: the upstream's
// entry for the served model, said once for each name that a client may use, in the
// upstream's words, in Anthropic's, or with Codex's catalogue beside it.
//
// It imports catalog, hub and jsonedit.
package models

import (
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Dialect serves one of the two routes in OpenAI's words.
type Dialect struct{ one bool }

// The routes: GET /v1/models and /v1/models/{id}.
var (
	List  = Dialect{}
	Entry = Dialect{one: true}
)

// Request implements hub.Dialect: a name that nobody has is refused before the upstream
// is asked.
func (d Dialect) Request(dst, _ []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	if d.one && t.Catalog.Resolve([]byte(t.Request.PathID)) == nil {
		return dst, hub.UnknownModel(t.Request.PathID, t.Catalog)
	}
	return dst, nil
}

// Reply implements hub.Dialect.
func (d Dialect) Reply(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	if d.one {
		return AppendOne(dst, body, t.Catalog, t.Request.PathID)
	}
	return AppendList(dst, body, t.Catalog)
}

// Problem implements hub.Dialect.
func (Dialect) Problem(p *hub.Problem, _ *hub.Turn) *hub.Answer { return hub.ChatAnswer(p) }

// AppendList appends the upstream's list with the served model's entry replaced by one
// for each listed name; every other field is kept. An empty list stays as it is. A
// list without the served model is a 502 that names what was found.
func AppendList(dst, body []byte, c *catalog.Catalog) ([]byte, *hub.Problem) {
	list, entry, p := served(body, c)
	if p != nil {
		return dst, p
	}
	if entry == nil {
		return jsonedit.PutBytes(dst, body), nil
	}
	dst = jsonedit.PutBytes(dst, body[:list.Start])
	for i, name := range c.Listed() {
		dst = append(dst, "[,"[min(i, 1)])
		dst = appendEntry(dst, entry, c, name)
	}
	dst = append(dst, ']')
	return jsonedit.PutBytes(dst, body[list.End:]), nil
}

// AppendOne appends the served model's entry under name.
func AppendOne(dst, body []byte, c *catalog.Catalog, name string) ([]byte, *hub.Problem) {
	_, entry, p := served(body, c)
	if p != nil {
		return dst, p
	}
	if entry == nil {
		return dst, noModels(c)
	}
	return appendEntry(dst, entry, c, name), nil
}

// noModels is a 502: the list is empty.
func noModels(c *catalog.Catalog) *hub.Problem {
	return hub.BadUpstream("The model server lists no models; %q was expected.", c.Main().Model)
}

// notServed is a 502: the list names other models than the one that is wanted.
func notServed(want string, found []string) *hub.Problem {
	p := hub.BadUpstream("The model server does not serve %s. It serves %s. "+
		"Set the served model (upstreams[0].model) to one of these.", want, strings.Join(found, ", "))
	p.Reason = "served_model_missing"
	return p
}

// served finds data and in it the served model's entry; entry is nil if data is empty.
func served(body []byte, c *catalog.Catalog) (list jsonedit.Span, entry []byte, p *hub.Problem) {
	v, err := jsonedit.Parse(body)
	if err != nil {
		return list, nil, hub.BadUpstream("The model server's list of models is not valid JSON: %v.", err)
	}
	want := c.Main().Model
	data := v.Get("data")
	if data.Kind() != jsonedit.Array {
		return list, nil, hub.BadUpstream("The model server's list of models has no data list; %q was expected in it.", want)
	}
	list.Start = cap(body) - cap(data.Raw()) // it is a part of body
	list.End = list.Start + len(data.Raw())
	var found []string
	data.Each(func(_ []byte, m jsonedit.Value) bool {
		id := m.Get("id").Text()
		if id == want {
			entry = m.Raw()
			return false
		}
		found = append(found, id)
		return true
	})
	if entry == nil && len(found) > 0 {
		return list, nil, notServed(want, found)
	}
	return list, entry, nil
}

// appendEntry appends entry under another id. Behind what the upstream says stands what it
// leaves out and clients read: the window under its several names, which bounds an answer too,
// what the model takes, and whose sampling values its profile has.
func appendEntry(dst, entry []byte, c *catalog.Catalog, name string) []byte {
	var s jsonedit.Scanner
	var e jsonedit.Edits
	s.Reset(entry)
	more := facts(entry, c, name)
	for s.BeginObject(); s.NextMember(); {
		id := string(s.Key()) == "id"
		for i := range more {
			if more[i].name == string(s.Key()) {
				more[i].value = "" // the upstream knows better
			}
		}
		if v := s.Value(); id {
			e.ReplaceFunc(v.Start, v.End, func(dst []byte) []byte { return jsonedit.AppendQuoted(dst, name) })
		}
	}
	dst = e.Apply(dst, entry)
	dst = dst[:len(dst)-1]
	for _, m := range more {
		if m.value != "" {
			dst = jsonedit.Put(jsonedit.Put(append(dst, `,"`...), m.name), `":`)
			dst = jsonedit.Put(dst, m.value)
		}
	}
	return append(dst, '}')
}

// A fact is a member of an entry, with its value in JSON, "" for none.
type fact struct{ name, value string }

func facts(entry []byte, c *catalog.Catalog, name string) [9]fact {
	window, output := tokens(window(entry, c)), ""
	m := c.Resolve([]byte(name))
	g := m.Target.Generation
	if g.Input() != "" {
		output = `["text"]`
	}
	return [...]fact{
		{"max_model_len", window}, {"context_length", window}, {"context_window", window}, {"max_output_tokens", window},
		{"input_modalities", g.Input()}, {"output_modalities", output},
		{"generation", generation(g.Name)}, {"profile", quoted(m.Profile)}, {"official", generation(m.Official)},
	}
}

// window is the context window in tokens, 0 where nobody says it.
func window(entry []byte, c *catalog.Catalog) int64 {
	if w := c.Main().Window; w > 0 {
		return int64(w)
	}
	return jsonedit.Known(entry).Get("max_model_len").Int()
}

// tokens is a number of tokens in JSON, "" for none.
func tokens(n int64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// generation is a generation's name in JSON.
func generation(name string) string {
	if name == "" || name == catalog.Unknown.Name {
		return "null"
	}
	return quoted(name)
}

func quoted(text string) string { return string(jsonedit.AppendQuoted(nil, text)) }
