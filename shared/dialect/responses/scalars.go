package responses

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// numbers and integers are members and what they may be; a high of 0 is no limit.
var (
	numbers  = []struct{ key, low, high int }{{keyTemperature, 0, 2}, {keyTopP, 0, 1}, {keyPresence, -2, 2}, {keyFrequency, -2, 2}}
	integers = []struct{ key, low, high int }{
		{keyMaxOutput, 1, 0}, {keyMaxCompletion, 1, 0}, {keyMaxTokens, 1, 0}, {keyMaxToolCalls, 0, 0}, {keyTopLogprobs, 0, 20},
	}
	switches = []int{keyStream, keyStore, keyBackground, keyGenerate, keyParallel, keyLogprobs}
	strs     = []int{keyTruncation, keyCacheKey, keySafety, keyUser}
)

// checkMeaning refuses what would change the answer's meaning if it were left out.
func (r *reader) checkMeaning() *hub.Problem {
	if r.raw(keyPrompt) != nil {
		return hub.UnsupportedParameter("prompt", ". Prompt templates are stored at OpenAI; send their text as instructions and input.")
	}
	for i := range hub.RefusedFields {
		if f := &hub.RefusedFields[i]; f.Asks(r.raw(keyRefused + i)) {
			return hub.UnsupportedValue(f.Name, f.Why)
		}
	}
	return nil
}

func (r *reader) checkNumbers() *hub.Problem {
	for _, f := range numbers {
		v := r.raw(f.key)
		if v == nil {
			continue
		}
		name := keyNames[f.key]
		if !jsonedit.Is(v, jsonedit.Number) {
			return hub.WrongType(name, "a number")
		}
		if n, err := strconv.ParseFloat(string(v), 64); err != nil || n < float64(f.low) || n > float64(f.high) {
			return hub.WrongValue(name, "a number from "+strconv.Itoa(f.low)+" to "+strconv.Itoa(f.high)+" was expected.")
		}
	}
	for _, f := range integers {
		v := r.raw(f.key)
		if v == nil {
			continue
		}
		name := keyNames[f.key]
		n, err := strconv.Atoi(string(v))
		if err != nil && (!jsonedit.Is(v, jsonedit.Number) || bytes.ContainsAny(v, ".eE")) {
			return hub.WrongType(name, "an integer")
		}
		if n < f.low || f.high > 0 && n > f.high {
			to := " or more"
			if f.high > 0 {
				to = " to " + strconv.Itoa(f.high)
			}
			return hub.WrongValue(name, "an integer of "+strconv.Itoa(f.low)+to+" was expected.")
		}
	}
	return nil
}

// checkOthers looks at the simple members that are no numbers.
func (r *reader) checkOthers() *hub.Problem {
	for _, key := range strs {
		if v := r.raw(key); v != nil && v[0] != '"' {
			return hub.WrongType(keyNames[key], "a string")
		}
	}
	if v := r.raw(keyTruncation); v != nil && string(v) != `"auto"` && string(v) != `"disabled"` {
		return hub.WrongValue("truncation", "auto or disabled was expected.")
	}
	if v := r.raw(keyKwargs); v != nil && v[0] != '{' {
		return hub.WrongType("chat_template_kwargs", "an object")
	}
	return nil
}

// checkLists looks at the members that hold the conversation and the tools.
func (r *reader) checkLists() *hub.Problem {
	if v := r.raw(keyInput); v != nil && v[0] != '"' && v[0] != '[' {
		return hub.WrongType("input", "a string or a list of items")
	}
	if v := r.raw(keyInstructions); v != nil && v[0] != '"' && v[0] != '[' {
		return hub.WrongType("instructions", "a string")
	}
	if v := r.raw(keyTools); v != nil && v[0] != '[' {
		return hub.WrongType("tools", "a list")
	}
	return nil
}

// included is what include asks for beside the turn itself.
type included struct{ sealed, logprobs bool }

func (i *included) read(s *jsonedit.Scanner, raw []byte) *hub.Problem {
	if raw == nil {
		return nil
	}
	if raw[0] != '[' {
		return hub.WrongType("include", "a list of strings")
	}
	s.Reset(raw)
	n := 0
	for s.BeginArray(); s.NextElement(); n++ {
		switch v := s.Value().Of(raw); {
		case v[0] != '"':
			return hub.WrongType("include["+strconv.Itoa(n)+"]", "a string")
		case string(v) == `"reasoning.encrypted_content"`:
			i.sealed = true
		case string(v) == `"message.output_text.logprobs"`:
			i.logprobs = true
		}
	}
	return nil
}

// OpenAI's limits of metadata; keys and values count in characters.
const (
	maxMetadata      = 16
	maxMetadataKey   = 64
	maxMetadataValue = 512
)

func checkMetadata(s *jsonedit.Scanner, raw []byte) *hub.Problem {
	if raw == nil {
		return nil
	}
	if raw[0] != '{' {
		return hub.WrongType("metadata", "an object")
	}
	s.Reset(raw)
	n := 0
	for s.BeginObject(); s.NextMember(); {
		if n++; n > maxMetadata {
			return hub.WrongValue("metadata", "at most 16 pairs are allowed.")
		}
		key := jsonedit.PutBytes([]byte(nil), s.Key())
		if characters(key) > maxMetadataKey {
			return hub.WrongValue("metadata", "a key may have at most 64 characters, "+hub.Quoted(key)+" has more.")
		}
		v := s.Value().Of(raw)
		param := "metadata." + string(key)
		if v[0] != '"' {
			return hub.WrongType(param, "a string")
		}
		if characters(jsonedit.Text(v)) > maxMetadataValue {
			return hub.WrongValue(param, "at most 512 characters are allowed.")
		}
	}
	return nil
}

func characters(text []byte) (n int) {
	for _, c := range text {
		if c&0xC0 != 0x80 {
			n++
		}
	}
	return n
}
