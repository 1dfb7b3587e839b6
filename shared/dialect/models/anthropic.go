package models

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// anthropic serves a route in Anthropic's words; errors are those of its Messages API.
type anthropic struct {
	Dialect
	errors hub.Translator
}

// ForAnthropic is the dialect in the shape of Anthropic's API, with the errors of another
// of its dialects.
func (d Dialect) ForAnthropic(errors hub.Translator) hub.Translator { return anthropic{d, errors} }

// Request implements hub.Dialect.
func (a anthropic) Request(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	t.RequestID()
	return a.Dialect.Request(dst, body, t)
}

// Reply implements hub.Dialect.
func (a anthropic) Reply(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	if a.one {
		return AppendAnthropicOne(dst, body, t.Catalog, t.Request.PathID)
	}
	return AppendAnthropicList(dst, body, t.Catalog, t.Request.Query)
}

// Problem implements hub.Dialect.
func (a anthropic) Problem(p *hub.Problem, t *hub.Turn) *hub.Answer { return a.errors.Problem(p, t) }

// Status implements hub.Translator.
func (a anthropic) Status(upstream int) int { return a.errors.Status(upstream) }

// AppendAnthropicList is AppendList in the shape of Anthropic's API: the page that the
// request's query asks for by limit, after_id and before_id.
func AppendAnthropicList(dst, body []byte, c *catalog.Catalog, query string) ([]byte, *hub.Problem) {
	_, entry, p := served(body, c)
	if p != nil {
		return dst, p
	}
	dst = jsonedit.Put(dst, `{"data":[`)
	var names []string
	more := false
	if entry != nil {
		names, more = page(c.Listed(), query)
	}
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendAnthropic(dst, entry, c, name)
	}
	dst = jsonedit.Put(dst, `],"first_id":`)
	if len(names) == 0 {
		return jsonedit.Put(dst, `null,"last_id":null,"has_more":false}`), nil
	}
	dst = jsonedit.AppendQuoted(dst, names[0])
	dst = jsonedit.AppendQuoted(jsonedit.Put(dst, `,"last_id":`), names[len(names)-1])
	dst = strconv.AppendBool(jsonedit.Put(dst, `,"has_more":`), more)
	return append(dst, '}'), nil
}

// page cuts out what a query asks for: limit names of 1 to 1000 behind after_id, or before
// before_id, where the last of them count. more: there are others on that side. A value
// that means nothing changes nothing. Without a limit all are given, where Anthropic gives
// 20: not every client asks for a second page, and it would never see the other names.
func page(names []string, query string) (cut []string, more bool) {
	limit, backward := len(names), false
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		plain, _ := jsonedit.AppendPercentDecoded(nil, value)
		switch key {
		case "limit":
			if n, err := strconv.Atoi(value); err == nil && n >= 1 && n <= 1000 {
				limit = n
			}
		case "after_id":
			if at := slices.Index(names, string(plain)); at >= 0 {
				names = names[at+1:]
			}
		case "before_id":
			if at := slices.Index(names, string(plain)); at >= 0 {
				names, backward = names[:at], true
			}
		}
	}
	switch {
	case limit >= len(names):
		return names, false
	case backward:
		return names[len(names)-limit:], true
	}
	return names[:limit], true
}

// AppendAnthropicOne is AppendOne in the shape of Anthropic's API.
func AppendAnthropicOne(dst, body []byte, c *catalog.Catalog, name string) ([]byte, *hub.Problem) {
	_, entry, p := served(body, c)
	if p != nil {
		return dst, p
	}
	if entry == nil {
		return dst, noModels(c)
	}
	return appendAnthropic(dst, entry, c, name), nil
}

// appendAnthropic appends a model object of Anthropic's: the context window of vLLM's
// max_model_len bounds input and answer alike.
func appendAnthropic(dst, entry []byte, c *catalog.Catalog, name string) []byte {
	m := c.Resolve([]byte(name))
	g := m.Target.Generation
	dst = jsonedit.AppendQuoted(jsonedit.Put(dst, `{"type":"model","id":`), name)
	dst = jsonedit.AppendQuoted(jsonedit.Put(dst, `,"display_name":`), name)
	dst = jsonedit.AppendQuoted(jsonedit.Put(dst, `,"description":`), m.Target.Model+", "+m.Profile)
	dst = jsonedit.Put(dst, `,"created_at":"`)
	dst = appendTime(dst, jsonedit.Known(entry).Get("created").Int())
	window := cmp.Or(tokens(window(entry, c)), "null")
	dst = jsonedit.Put(jsonedit.Put(dst, `","max_input_tokens":`), window)
	dst = jsonedit.Put(jsonedit.Put(dst, `,"max_tokens":`), window)
	dst = jsonedit.Put(dst, `,"lifecycle":"active","deprecated_at":null,"retires_at":null,"line":null,"capabilities":`)
	dst = appendCapabilities(dst, m)
	dst = jsonedit.Put(jsonedit.Put(dst, `,"generation":`), generation(g.Name))
	dst = jsonedit.Put(jsonedit.Put(dst, `,"official":`), generation(m.Official))
	return append(dst, '}')
}

// appendCapabilities appends what a model can do, in Anthropic's words. What nobody knows of a
// model is said to be there: its server's refusal is one that clients get over.
func appendCapabilities(dst []byte, m *catalog.Model) []byte {
	const yes, no = `{"supported":true}`, `{"supported":false}`
	g, thinks := m.Target.Generation, m.Thinking != catalog.Off
	graded := no
	if g.Grades() && thinks {
		graded = yes
	}
	for i, c := range [...]struct {
		name      string
		supported bool
		more      string // further members
	}{
		{"batch", false, ""}, {"citations", false, ""}, {"code_execution", false, ""},
		{"context_management", true, `,"clear_thinking_20251015":` + yes + `,"clear_tool_uses_20250919":` + no + `,"compact_20260112":` + no},
		{"effort", graded == yes, `,"low":` + graded + `,"medium":` + graded + `,"high":` + graded + `,"xhigh":` + graded + `,"max":` + graded},
		{"image_input", g.Sees(), ""}, {"pdf_input", false, ""},
		{"server_tools", false, `,"code_execution":` + no + `,"web_search":` + no},
		{"structured_outputs", true, ""},
		{"thinking", thinks, `,"types":{"adaptive":` + yes + `,"between_tools":` + yes + `,"disabled":` + yes + `,"enabled":` + yes + `}`},
	} {
		dst = jsonedit.Put(jsonedit.Put(append(dst, "{,"[min(i, 1)], '"'), c.name), `":{"supported":`)
		dst = append(jsonedit.Put(strconv.AppendBool(dst, c.supported), c.more), '}')
	}
	return append(dst, '}')
}

// appendTime appends Unix seconds as RFC 3339 writes them; 1970 stands for a time that is
// not known, as in Anthropic's API. Package time would make the filter's module 68 KB larger.
func appendTime(dst []byte, seconds int64) []byte {
	const day, year9999 = 24 * 60 * 60, 253402300799
	if seconds < 0 || seconds > year9999 {
		seconds = 0
	}
	// Years that begin in March have their leap day at the end, and their months the
	// lengths 31, 30, 31, 30, 31 again and again: (153*month+2)/5 days go before one.
	const century, fourCenturies, beforeMarch1970 = 36524, 146097, 719468
	days := int(seconds/day) + beforeMarch1970
	inEra := days % fourCenturies
	yearOfEra := (inEra - inEra/1460 + inEra/century - inEra/(fourCenturies-1)) / 365
	inYear := inEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	month := (5*inYear + 2) / 153
	dayOfMonth := inYear - (153*month+2)/5 + 1
	year := days/fourCenturies*400 + yearOfEra
	if month += 3; month > 12 {
		month -= 12
		year++
	}
	second := int(seconds % day)
	text := []byte("0000-00-00T00:00:00Z")
	for _, two := range [...]struct{ at, n int }{
		{0, year / 100}, {2, year % 100}, {5, month}, {8, dayOfMonth},
		{11, second / 3600}, {14, second / 60 % 60}, {17, second % 60},
	} {
		text[two.at], text[two.at+1] = byte('0'+two.n/10), byte('0'+two.n%10)
	}
	return jsonedit.PutBytes(dst, text)
}
