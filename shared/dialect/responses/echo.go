package responses

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// echo is the part of the response object that follows from the request. Values that
// the client left out are those that hold then: the Open Responses schema wants each
// key, and most of them not null.
func (r *translation) echo() []byte {
	size := 1024 + 64*r.tools.Len()
	for _, key := range [...]int{keyTools, keyToolChoice, keyInstructions, keyText, keyMetadata} {
		size += len(r.raw(key))
	}
	e := echoText(make([]byte, 0, size))
	e.same(&r.reader, keyPrevious, "null")
	e.same(&r.reader, keyInstructions, "null")
	e.same(&r.reader, keyModel, "null")
	e.member("tools", nil, "")
	if at := r.fields[keyTools]; at.Absent() {
		e = jsonedit.Put(e, "[]")
	} else {
		e = r.tools.AppendEcho(e, r.src, r.ownTools, at)
	}
	e.member("tool_choice", r.tools.ChoiceEcho(r.raw(keyToolChoice)), `"auto"`)
	e.same(&r.reader, keyParallel, "true")
	e.member("temperature", used(r.turn, r.raw(keyTemperature), 0), "1")
	e.member("top_p", used(r.turn, r.raw(keyTopP), 1), "1")
	e.member("presence_penalty", used(r.turn, r.raw(keyPresence), 4), "0")
	e.same(&r.reader, keyFrequency, "0")
	e.same(&r.reader, keyTopLogprobs, "0")
	e.member("text", r.format.echo(), "")
	e.member("reasoning", r.reasoning.echo(), "")
	e.same(&r.reader, keyTruncation, `"disabled"`)
	e.same(&r.reader, keyMaxOutput, "null")
	e.same(&r.reader, keyMaxToolCalls, "null")
	r.req.stored = r.origin.stored()
	e.member("store", nil, strconv.FormatBool(r.req.stored))
	r.req.storedAt = len(e)
	e.member("background", nil, strconv.FormatBool(r.req.background))
	e.member("service_tier", nil, `"default"`)
	e.same(&r.reader, keyMetadata, "{}")
	e.same(&r.reader, keySafety, "null")
	e.same(&r.reader, keyCacheKey, "null")
	if r.raw(keyUser) != nil {
		e.same(&r.reader, keyUser, "")
	}
	if v := r.raw(keyConversation); v != nil {
		if id, p := conversationID(&r.small, v); p == nil {
			e.member("conversation", jsonedit.PutBetween(nil, `{"id":`, id, "}"), "")
		}
	}
	return e
}

// echoText is members with commas between.
type echoText []byte

// member adds a member; absent stands for a value that is nil.
//
//go:noinline
func (e *echoText) member(name string, value []byte, absent string) {
	out := *e
	if len(out) > 0 {
		out = append(out, ',')
	}
	out = jsonedit.Put(jsonedit.Put(append(out, '"'), name), `":`)
	if value == nil {
		out = jsonedit.Put(out, absent)
	} else {
		out = jsonedit.PutLine(out, value)
	}
	*e = out
}

// same adds a member of the request's.
//
//go:noinline
func (e *echoText) same(r *reader, key int, absent string) {
	e.member(keyNames[key], r.raw(key), absent)
}

// used is the sampling value that the upstream gets: the profile's where the client
// names none (own) or is overruled, nil where neither names one. i is its place among
// catalog.SamplingKeys.
//
//go:noinline
func used(t *hub.Turn, own []byte, i int) []byte {
	var profile string
	enforced := false
	if m := t.Request.Model; m != nil {
		values := &m.Off
		if t.Request.Thinking {
			values = &m.On
		}
		profile, enforced = values[i], m.Enforce
	}
	if own != nil && (profile == "" || !enforced) {
		return own
	}
	if profile == "" {
		return nil
	}
	return []byte(profile)
}

var _ = [1]struct{}{}[len(catalog.SamplingKeys)-6] // used names places in it
