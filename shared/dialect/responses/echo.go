package responses

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// appendLine appends a JSON value without the line breaks between its parts, since it
// goes into events of one line. Inside strings none can stand.
func appendLine(dst, value []byte) []byte {
	if bytes.IndexByte(value, '\n') < 0 && bytes.IndexByte(value, '\r') < 0 {
		return append(dst, value...)
	}
	for _, c := range value {
		if c != '\n' && c != '\r' {
			dst = append(dst, c)
		}
	}
	return dst
}

// echo is the part of the response object that follows from the request. Values that
// the client left out are those that hold then: the Open Responses schema wants each
// key, and most of them not null.
func (r *translation) echo() []byte {
	size := 1024 + 64*len(r.defs)
	for _, key := range [...]int{keyTools, keyToolChoice, keyInstructions, keyText, keyMetadata} {
		size += len(r.raw(key))
	}
	e := make([]byte, 0, size)
	begin := func(name string) {
		if len(e) > 0 {
			e = append(e, ',')
		}
		e = append(append(append(e, '"'), name...), `":`...)
	}
	member := func(name string, value []byte, absent string) {
		begin(name)
		if value == nil {
			e = append(e, absent...)
		} else {
			e = appendLine(e, value)
		}
	}
	same := func(key int, absent string) { member(keyNames[key], r.raw(key), absent) }

	same(keyPrevious, "null")
	same(keyInstructions, "null")
	same(keyModel, "null")
	begin("tools")
	e = r.appendToolEcho(e)
	same(keyToolChoice, `"auto"`)
	same(keyParallel, "true")
	member("temperature", r.used(keyTemperature, 0), "1")
	member("top_p", r.used(keyTopP, 1), "1")
	member("presence_penalty", r.used(keyPresence, 4), "0")
	same(keyFrequency, "0")
	same(keyTopLogprobs, "0")
	member("text", r.textEcho(), "null")
	member("reasoning", r.reasoningEcho(), "null")
	same(keyTruncation, `"disabled"`)
	same(keyMaxOutput, "null")
	same(keyMaxToolCalls, "null")
	member("store", nil, boolean(r.stored()))
	member("background", nil, boolean(r.req.background))
	member("service_tier", nil, `"default"`)
	same(keyMetadata, "{}")
	same(keySafety, "null")
	same(keyCacheKey, "null")
	if r.raw(keyUser) != nil {
		same(keyUser, "")
	}
	if v := r.raw(keyConversation); v != nil {
		if id, p := r.conversationID(v); p == nil {
			member("conversation", append(append([]byte(`{"id":`), id...), '}'), "")
		}
	}
	return e
}

func boolean(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// used is the sampling value that the upstream gets: the profile's where the client
// names none or is overruled, nil where neither names one. i is its place among
// catalog.SamplingKeys.
func (r *translation) used(key, i int) []byte {
	t := r.turn
	var profile string
	if t.Model != nil {
		values := &t.Model.Off
		if t.Thinking {
			values = &t.Model.On
		}
		profile = values[i]
	}
	if own := r.raw(key); own != nil && (profile == "" || !t.EnforceSampling) {
		return own
	}
	if profile == "" {
		return nil
	}
	return []byte(profile)
}

var _ = [1]struct{}{}[len(catalog.SamplingKeys)-6] // used names places in it

// appendToolEcho appends tools as the client sent it; its function tools show all keys
// that the schema of a function tool has.
func (r *translation) appendToolEcho(dst []byte) []byte {
	at := r.fields[keyTools]
	if at.Absent() {
		return append(dst, "[]"...)
	}
	pos := at.Start
	for i := r.ownTools.from; i < r.ownTools.to; i++ {
		d := &r.defs[i]
		if d.parent >= 0 || string(d.word(toolType)) != "function" {
			continue
		}
		end := int(d.at.end) - 1 // before the closing brace; there is a type, so a comma goes first
		dst = appendLine(dst, r.src[pos:end])
		for _, key := range [...]int{toolDescription, toolParameters, toolStrict} {
			if d.seen&(1<<key) == 0 {
				dst = append(append(append(dst, `,"`...), toolNames[key]...), `":null`...)
			}
		}
		pos = end
	}
	return appendLine(dst, r.src[pos:at.End])
}

func (r *translation) textEcho() []byte {
	raw := r.raw(keyText)
	out := []byte(`{"format":`)
	if v := r.echoed.format; !v.Absent() {
		out = append(out, v.Of(raw)...)
	} else {
		out = append(out, `{"type":"text"}`...)
	}
	if v := r.echoed.verbosity; !v.Absent() {
		out = append(append(out, `,"verbosity":`...), v.Of(raw)...)
	}
	return append(out, '}')
}

func (r *translation) reasoningEcho() []byte {
	out := []byte(`{"effort":`)
	out = r.orNull(out, r.reason.effort)
	out = r.orNull(append(out, `,"summary":`...), r.reason.summary)
	return append(out, '}')
}

func (r *translation) orNull(dst []byte, v jsonedit.Span) []byte {
	if v.Absent() {
		return append(dst, "null"...)
	}
	return append(dst, v.Of(r.src)...)
}
