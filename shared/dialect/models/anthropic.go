package models

import (
	"strconv"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// AppendAnthropicList is AppendList in the shape of Anthropic's API, as one page: the
// list is short, so limit, before_id and after_id of the request change nothing.
func AppendAnthropicList(dst, body []byte, c *catalog.Catalog) ([]byte, *hub.Problem) {
	_, entry, p := served(body, c)
	if p != nil {
		return dst, p
	}
	dst = append(dst, `{"data":[`...)
	names := c.Listed()
	if entry == nil {
		names = nil
	}
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendAnthropic(dst, entry, c, name)
	}
	dst = append(dst, `],"first_id":`...)
	if len(names) == 0 {
		return append(dst, `null,"last_id":null,"has_more":false}`...), nil
	}
	dst = jsonedit.AppendQuoted(dst, names[0])
	dst = jsonedit.AppendQuoted(append(dst, `,"last_id":`...), names[len(names)-1])
	return append(dst, `,"has_more":false}`...), nil
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
	e := jsonedit.Known(entry)
	dst = jsonedit.AppendQuoted(append(dst, `{"type":"model","id":`...), name)
	dst = jsonedit.AppendQuoted(append(dst, `,"display_name":`...), name)
	created := e.Get("created").Int()
	if created < 0 || created > lastSecond {
		created = 0 // Anthropic's word for a date that is not known
	}
	dst = append(dst, `,"created_at":"`...)
	dst = time.Unix(created, 0).UTC().AppendFormat(dst, time.RFC3339)
	window := int64(c.Default().Target.Window)
	if window == 0 {
		window = e.Get("max_model_len").Int()
	}
	tokens := "null"
	if window > 0 {
		tokens = strconv.FormatInt(window, 10)
	}
	dst = append(append(dst, `","max_input_tokens":`...), tokens...)
	dst = append(append(dst, `,"max_tokens":`...), tokens...)
	return append(dst, '}')
}

// lastSecond is the last of the year 9999, RFC 3339's last.
const lastSecond = 253402300799
