// Package schema holds events and objects against the types of the official SDKs for
// Go, whose tags say which keys are required. The checkers in native/grammar are
// written from descriptions of the two APIs; this one is what client code is compiled
// against. It lives here so that no binary links the SDKs.
//
// It imports native/grammar for its reader of event streams.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/openai/openai-go/v3/responses"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

// ResponsesEvent checks one event of the Responses API.
func ResponsesEvent(data []byte) []error {
	return check[responses.ResponseStreamEventUnion](data)
}

// Response checks a whole response object.
func Response(data []byte) []error { return check[responses.Response](data) }

// ResponsesStream checks each event of a stream of the Responses API.
func ResponsesStream(stream []byte) []error { return each(stream, ResponsesEvent) }

// MessagesEvent checks one event of the Messages API.
func MessagesEvent(data []byte) []error {
	// The SDK's union of events lacks these two; its stream reader handles them.
	var event struct{ Type string }
	_ = json.Unmarshal(data, &event) // check says what is wrong with it
	switch event.Type {
	case "ping":
		return nil
	case "error":
		return check[anthropic.ErrorResponse](data)
	}
	return check[anthropic.MessageStreamEventUnion](data)
}

// Message checks a whole message.
func Message(data []byte) []error { return check[anthropic.Message](data) }

// MessagesStream checks each event of a stream of the Messages API.
func MessagesStream(stream []byte) []error { return each(stream, MessagesEvent) }

func each(stream []byte, check func([]byte) []error) []error {
	events, faults := grammar.Events(stream)
	for _, e := range events {
		for _, err := range check(e.Data) {
			faults = append(faults, &grammar.Fault{Event: e.Number, Name: e.Name, What: err.Error()})
		}
	}
	return faults
}

// exceptions are the places where the gateway does not do as the SDKs' tags say, and
// why. The key is the type's name and the key's; "null" behind it permits null there.
var exceptions = map[string]string{
	"Response.access_programs": "new in 2026, no other schema has it, and the SDK decodes without it",
	"Response.usage null":      "null while the response runs; the SDK's types don't call it nullable, OpenAI sends it",

	"Message.container":                       "says which container tools ran in; message_start of Anthropic's own examples lacks it",
	"Message.stop_details":                    "as container",
	"Message.diagnostics":                     "about prompt caches that we don't have",
	"MessageDeltaEventDelta.container":        "as in Message",
	"MessageDeltaEventDelta.stop_details":     "as in Message; the checker in native/grammar wants it beside a refusal",
	"Usage.cache_creation":                    "beside the four counts, clients read none of these",
	"Usage.inference_geo":                     "as cache_creation",
	"Usage.output_tokens_details":             "as cache_creation",
	"Usage.server_tool_use":                   "as cache_creation",
	"Usage.service_tier":                      "as cache_creation",
	"Usage.speed":                             "as cache_creation",
	"MessageDeltaUsage.output_tokens_details": "as in Usage",
	"MessageDeltaUsage.server_tool_use":       "as in Usage",
	"TextBlock.citations":                     "a block begins without any",
	"ToolUseBlock.caller":                     "who calls a tool is the model; only code that runs at Anthropic calls otherwise",
	"ServerToolUseBlock.caller":               "as in ToolUseBlock",
	"WebSearchToolResultBlock.caller":         "as in ToolUseBlock",
	"ErrorResponse.request_id":                "stands in the reply's head as well",
}

func check[T any](data []byte) []error {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return []error{fmt.Errorf("the SDK can't decode it: %w", err)}
	}
	var c checker
	c.value("", reflect.TypeFor[T](), data)
	return c.faults
}

type checker struct{ faults []error }

func (c *checker) fault(path, format string, args ...any) {
	if path == "" {
		path = "the JSON"
	}
	c.faults = append(c.faults, fmt.Errorf("%s %s", path, fmt.Sprintf(format, args...)))
}

// value holds JSON against a type. Null is taken for any required key, as no tag says
// which of them are nullable; object refuses it for keys that are only optional.
func (c *checker) value(path string, t reflect.Type, data json.RawMessage) {
	data = bytes.TrimSpace(data)
	if string(data) == "null" || t == reflect.TypeFor[json.RawMessage]() {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		c.value(path, t.Elem(), data)
	case reflect.Interface:
	case reflect.Struct:
		if isUnion(t) {
			c.union(path, t, data)
		} else {
			c.object(path, t, data)
		}
	case reflect.String:
		if data[0] != '"' {
			c.fault(path, "is %s; must be a string (%s)", short(data), t)
		}
	case reflect.Bool:
		if s := string(data); s != "true" && s != "false" {
			c.fault(path, "is %s; must be true or false", short(data))
		}
	case reflect.Int64, reflect.Int:
		if _, err := strconv.ParseInt(string(data), 10, 64); err != nil {
			c.fault(path, "is %s; must be an integer", short(data))
		}
	case reflect.Float64:
		if _, err := strconv.ParseFloat(string(data), 64); err != nil {
			c.fault(path, "is %s; must be a number", short(data))
		}
	case reflect.Slice:
		var elements []json.RawMessage
		if json.Unmarshal(data, &elements) != nil {
			c.fault(path, "is %s; must be an array", short(data))
		}
		for i, e := range elements {
			c.value(fmt.Sprintf("%s[%d]", path, i), t.Elem(), e)
		}
	case reflect.Map:
		var members map[string]json.RawMessage
		if json.Unmarshal(data, &members) != nil {
			c.fault(path, "is %s; must be an object", short(data))
		}
		for key, v := range members {
			c.value(grammar.Join(path, key), t.Elem(), v)
		}
	default:
		c.fault(path, "can't be held against %s", t)
	}
}

func (c *checker) object(path string, t reflect.Type, data json.RawMessage) {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		c.fault(path, "is %s; must be an object (%s)", short(data), t)
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && key == "":
			c.object(path, f.Type, data)
			continue
		case key == "" || key == "-":
			continue
		}
		at := grammar.Join(path, key)
		constant, isConstant := f.Tag.Lookup("default")
		required := isConstant || has(options, "required") || has(f.Tag.Get("api"), "required")
		name := t.Name() + "." + key
		v, ok := members[key]
		switch {
		case !ok && required && exceptions[name] == "":
			c.fault(at, "is missing; %s requires it", t)
		case !ok:
		case string(v) == "null" && !required && !has(f.Tag.Get("api"), "nullable") && exceptions[name+" null"] == "":
			c.fault(at, "is null; %s permits to leave it out only", t)
		case isConstant && string(v) != strconv.Quote(constant):
			c.fault(at, "is %s; must be %q", short(v), constant)
		default:
			c.value(at, f.Type, v)
		}
	}
}

func has(options, option string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if o == option {
			return true
		}
	}
	return false
}

// isUnion: the SDKs' unions have a method for each variant, AsThis and AsThat.
func isUnion(t reflect.Type) bool { return strings.HasSuffix(t.Name(), "Union") && t.NumMethod() > 0 }

// union holds JSON against the variant that its type names, or, if the SDK tells the
// variants apart in another way, against each until one fits.
func (c *checker) union(path string, t reflect.Type, data json.RawMessage) {
	p := reflect.New(t)
	if err := json.Unmarshal(data, p.Interface()); err != nil {
		c.fault(path, "can't be decoded as %s: %v", t, err)
		return
	}
	if asAny := p.Elem().MethodByName("AsAny"); asAny.IsValid() {
		variant := asAny.Call(nil)[0]
		if variant.IsNil() {
			c.fault(path, "is %s, none of the variants of %s", short(data), t)
			return
		}
		c.value(path, variant.Elem().Type(), data)
		return
	}
	var fewest []error
	for i := range t.NumMethod() {
		m := t.Method(i)
		if !strings.HasPrefix(m.Name, "As") || m.Type.NumIn() != 1 || m.Type.NumOut() != 1 {
			continue
		}
		var try checker
		try.value(path, m.Type.Out(0), data)
		if len(try.faults) == 0 {
			return
		}
		if fewest == nil || len(try.faults) < len(fewest) {
			fewest = try.faults
		}
	}
	c.faults = append(c.faults, fewest...)
}

func short(data []byte) string {
	if len(data) > 80 {
		return string(data[:80]) + "…"
	}
	return string(data)
}
