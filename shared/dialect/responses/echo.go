package responses

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// echo is the part of the response object that follows from the request. Values that
// the client left out are those that hold then: the Open Responses schema wants each
// key, and most of them not null.
func (r *translation) echo() []byte {
	size := 1024 + 64*len(r.defs)
	for _, key := range [...]int{keyTools, keyToolChoice, keyInstructions, keyText, keyMetadata} {
		size += len(r.raw(key))
	}
	e := echoText(make([]byte, 0, size))
	e.same(r, keyPrevious, "null")
	e.same(r, keyInstructions, "null")
	e.same(r, keyModel, "null")
	e.member("tools", nil, "")
	e = r.appendToolEcho(e)
	e.member("tool_choice", r.choiceEcho(), `"auto"`)
	e.same(r, keyParallel, "true")
	e.member("temperature", r.used(keyTemperature, 0), "1")
	e.member("top_p", r.used(keyTopP, 1), "1")
	e.member("presence_penalty", r.used(keyPresence, 4), "0")
	e.same(r, keyFrequency, "0")
	e.same(r, keyTopLogprobs, "0")
	e.member("text", r.textEcho(), "")
	e.member("reasoning", r.reasoningEcho(), "")
	e.same(r, keyTruncation, `"disabled"`)
	e.same(r, keyMaxOutput, "null")
	e.same(r, keyMaxToolCalls, "null")
	e.member("store", nil, strconv.FormatBool(r.stored()))
	e.member("background", nil, strconv.FormatBool(r.req.background))
	e.member("service_tier", nil, `"default"`)
	e.same(r, keyMetadata, "{}")
	e.same(r, keySafety, "null")
	e.same(r, keyCacheKey, "null")
	if r.raw(keyUser) != nil {
		e.same(r, keyUser, "")
	}
	if v := r.raw(keyConversation); v != nil {
		if id, p := r.conversationID(v); p == nil {
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
func (e *echoText) same(r *translation, key int, absent string) {
	e.member(keyNames[key], r.raw(key), absent)
}

// used is the sampling value that the upstream gets: the profile's where the client
// names none or is overruled, nil where neither names one. i is its place among
// catalog.SamplingKeys.
func (r *translation) used(key, i int) []byte {
	t := r.turn
	var profile string
	if t.Request.Model != nil {
		values := &t.Request.Model.Off
		if t.Request.Thinking {
			values = &t.Request.Model.On
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
		return jsonedit.Put(dst, "[]")
	}
	pos := at.Start
	for i := r.ownTools.Start; i < r.ownTools.End; i++ {
		d := &r.defs[i]
		if d.parent >= 0 || string(d.word(toolType)) != "function" {
			continue
		}
		end := int(d.at.End) - 1 // before the closing brace; there is a type, so a comma goes first
		dst = jsonedit.PutLine(dst, r.src[pos:end])
		for _, key := range [...]int{toolDescription, toolParameters, toolStrict} {
			if d.seen&(1<<key) == 0 {
				dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, `,"`), toolNames[key]), `":null`)
			}
		}
		pos = end
	}
	return jsonedit.PutLine(dst, r.src[pos:at.End])
}

// choiceEcho is tool_choice as the client sent it; allowed tools say their mode.
func (r *translation) choiceEcho() []byte {
	raw := r.raw(keyToolChoice)
	if raw == nil || raw[0] != '{' {
		return raw
	}
	c := r.readChoice(raw)
	if string(c.kind) != "allowed_tools" || c.mode != nil {
		return raw
	}
	return jsonedit.PutBetween(nil, `{"type":"allowed_tools","mode":"auto","tools":`, c.tools, "}")
}

func (r *translation) textEcho() []byte {
	out := jsonedit.PutBetween(nil, `{"format":`, or(r.echoed.format, `{"type":"text"}`), "")
	out = jsonedit.PutMember(out, "verbosity", r.echoed.verbosity)
	return append(out, '}')
}

func (r *translation) reasoningEcho() []byte {
	return jsonedit.PutBetween(jsonedit.PutBetween(nil, `{"effort":`, or(r.reason.effort, "null"), ""), `,"summary":`, or(r.reason.summary, "null"), "}")
}

func or(value []byte, absent string) []byte {
	if value == nil {
		return []byte(absent)
	}
	return value
}
