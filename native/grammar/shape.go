package grammar

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Rule looks at a JSON value that stands at path and reports what is wrong with it.
type Rule func(path string, v any, report Report)

// Field is a key of an object.
type Field struct {
	Key  string
	Rule Rule
	need need
}

// need says what it means that a key is missing.
type need int

const (
	isRequired need = iota
	isExpected
	isOptional
)

// Required is a key that must be there. Its value may be null only if the rule says so.
func Required(key string, r Rule) Field { return Field{Key: key, Rule: r} }

// Expected is a key that the gateway always gives and other servers may leave out, or
// null. Clients bear that, so that it is a note.
func Expected(key string, r Rule) Field { return Field{Key: key, Rule: r, need: isExpected} }

// Optional is a key that may be absent. There it must keep the rule; null is a note
// unless the rule allows it.
func Optional(key string, r Rule) Field { return Field{Key: key, Rule: r, need: isOptional} }

// Object is an object with these fields. Others may stand there too.
func Object(fields ...Field) Rule {
	return func(path string, v any, report Report) {
		object, ok := v.(map[string]any)
		if !ok {
			report.Fault("%s", must(path, v, "an object"))
			return
		}
		for _, f := range fields {
			at := Join(path, f.Key)
			v, ok := object[f.Key]
			switch {
			case ok && v == nil && f.need != isRequired:
				f.Rule(at, v, report.asNotes())
			case ok:
				f.Rule(at, v, report)
			case f.need != isOptional:
				report(f.need == isExpected, at+" is missing")
			}
		}
	}
}

// Array is an array whose elements keep a rule.
func Array(each Rule) Rule {
	return func(path string, v any, report Report) {
		array, ok := v.([]any)
		if !ok {
			report.Fault("%s", must(path, v, "an array"))
			return
		}
		for i, v := range array {
			each(fmt.Sprintf("%s[%d]", path, i), v, report)
		}
	}
}

// Map is an object whose values all keep a rule.
func Map(each Rule) Rule {
	return func(path string, v any, report Report) {
		object, ok := v.(map[string]any)
		if !ok {
			report.Fault("%s", must(path, v, "an object"))
			return
		}
		for _, key := range sortedKeys(object) {
			each(Join(path, key), object[key], report)
		}
	}
}

func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for k := range object {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func is(what string, ok func(any) bool) Rule {
	return func(path string, v any, report Report) {
		if !ok(v) {
			report.Fault("%s", must(path, v, what))
		}
	}
}

// Usual is a value that keeps rule r, as whose value the gateway gives no other than
// those of which ok says so. What others mean by another one is theirs, so that it is
// a note.
func Usual(r Rule, what string, ok func(any) bool) Rule {
	return func(path string, v any, report Report) {
		if ok(v) {
			return
		}
		note := true
		r(path, v, func(n bool, _ string) { note = note && n })
		report(note, must(path, v, what))
	}
}

func must(path string, v any, what string) string {
	if path == "" {
		path = "the JSON"
	}
	return path + " is " + Describe(v) + "; must be " + what
}

var (
	// Any is any JSON value, null too.
	Any Rule = func(string, any, Report) {}
	// Text is a string, the empty one too.
	Text = is("a string", func(v any) bool { _, ok := v.(string); return ok })
	// Word is a string with something in it.
	Word = is("a string that isn't empty", func(v any) bool { s, ok := v.(string); return ok && s != "" })
	// Bool is true or false.
	Bool = is("true or false", func(v any) bool { _, ok := v.(bool); return ok })
	// Number is any number.
	Number = is("a number", func(v any) bool { _, ok := v.(json.Number); return ok })
	// Count is an integer of 0 or more, written without fraction and exponent.
	Count = is("an integer of 0 or more", func(v any) bool { n, ok := AsCount(v); return ok && n >= 0 })
	// Null is null where the gateway has nothing to say; others may have.
	Null = Usual(Any, "null", func(v any) bool { return v == nil })
	// Empty is an empty array.
	Empty = is("[]", func(v any) bool { a, ok := v.([]any); return ok && len(a) == 0 })
	// EmptyObject is an object without keys.
	EmptyObject = is("{}", func(v any) bool { o, ok := v.(map[string]any); return ok && len(o) == 0 })
)

// Nullable is null, or what the rule says.
func Nullable(r Rule) Rule {
	return func(path string, v any, report Report) {
		if v != nil {
			r(path, v, func(note bool, what string) {
				if w, ok := strings.CutPrefix(what, path+" is "); ok {
					what = path + " is " + w + ", or null"
				}
				report(note, what)
			})
		}
	}
}

// OneOf is one of these strings; another one is a note.
func OneOf(values ...string) Rule {
	what := Quoted(values...)
	return Usual(Text, what, func(v any) bool { s, ok := v.(string); return ok && slices.Contains(values, s) })
}

// Quoted lists values for an error: "a", "b" or "c".
func Quoted(values ...string) string {
	var b strings.Builder
	for i, v := range values {
		switch {
		case i == 0:
		case i == len(values)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", v)
	}
	return b.String()
}

// ByType is an object whose key type says which rule it must keep. A type without a rule
// is a note, for APIs grow.
func ByType(rules map[string]Rule) Rule { return ByTypeOr(rules, nil) }

// ByTypeOr is ByType, with rules for types that other servers give and the gateway
// doesn't.
func ByTypeOr(rules, others map[string]Rule) Rule {
	types := make([]string, 0, len(rules))
	for t := range rules {
		types = append(types, t)
	}
	slices.Sort(types)
	return func(path string, v any, report Report) {
		object, ok := v.(map[string]any)
		if !ok {
			report.Fault("%s", must(path, v, "an object"))
			return
		}
		t, ok := object["type"]
		if !ok {
			report.Fault("%s is missing; must be %s", Join(path, "type"), Quoted(types...))
			return
		}
		name, isText := t.(string)
		if r, ok := rules[name]; ok {
			r(path, v, report)
			return
		}
		report(isText && name != "", must(Join(path, "type"), t, Quoted(types...)))
		if r, ok := others[name]; ok {
			r(path, v, report)
		}
	}
}

// AsCount gives an integer that is written without fraction and exponent.
func AsCount(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

// IsBlank tells whether a text is nothing but the white space of JSON: spaces, tabs and
// line ends. That of other scripts, such as an ideographic space, is text of the model's.
func IsBlank(text string) bool { return strings.Trim(text, " \t\r\n") == "" }
