package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Parse reads one JSON object: strings become string, numbers json.Number, objects
// map[string]any, arrays []any. Faults says what is wrong even if encoding/json takes
// it: a key twice in one object (readers differ in which they believe), half of a
// surrogate pair (a character was cut), bytes that are not UTF-8. The object is nil if
// it can't be read at all, or is no object.
func Parse(data []byte) (object map[string]any, faults []string) {
	if !utf8.Valid(data) {
		faults = append(faults, "the JSON is not UTF-8")
	}
	if !json.Valid(data) {
		return nil, append(faults, fmt.Sprintf("%q is not JSON", short(data)))
	}
	faults = append(faults, halfSurrogates(data)...)
	d := decoder{rest: data}
	v := d.value("")
	for _, path := range d.twice {
		faults = append(faults, path+" stands twice in one object")
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, append(faults, fmt.Sprintf("the JSON is %s; must be an object", Describe(v)))
	}
	return object, faults
}

// IsObject says whether data is one JSON object, white space around it allowed.
func IsObject(data string) bool {
	var v any
	if json.Unmarshal([]byte(data), &v) != nil {
		return false
	}
	_, ok := v.(map[string]any)
	return ok
}

// decoder reads JSON that is known to be valid. Unlike encoding/json it sees a key that
// stands twice.
type decoder struct {
	rest  []byte
	twice []string
}

// next steps over white space and returns the byte behind it.
func (d *decoder) next() byte {
	d.rest = bytes.TrimLeft(d.rest, " \t\r\n")
	return d.rest[0]
}

func (d *decoder) value(path string) any {
	switch d.next() {
	case '{':
		object := map[string]any{}
		for d.rest = d.rest[1:]; d.next() != '}'; d.comma() {
			key := d.text()
			d.next()
			d.rest = d.rest[1:] // the colon
			at := Join(path, key)
			if _, ok := object[key]; ok {
				d.twice = append(d.twice, at)
			}
			object[key] = d.value(at)
		}
		d.rest = d.rest[1:]
		return object
	case '[':
		array := []any{}
		for d.rest = d.rest[1:]; d.next() != ']'; d.comma() {
			array = append(array, d.value(path+"["+strconv.Itoa(len(array))+"]"))
		}
		d.rest = d.rest[1:]
		return array
	case '"':
		return d.text()
	}
	n := bytes.IndexAny(d.rest, ",]} \t\r\n")
	if n < 0 {
		n = len(d.rest)
	}
	word := string(d.rest[:n])
	d.rest = d.rest[n:]
	switch word {
	case "null":
		return nil
	case "true", "false":
		return word == "true"
	}
	return json.Number(word)
}

func (d *decoder) comma() {
	if d.next() == ',' {
		d.rest = d.rest[1:]
	}
}

func (d *decoder) text() (s string) {
	n := 1
	for ; d.rest[n] != '"'; n++ {
		if d.rest[n] == '\\' {
			n++
		}
	}
	literal := d.rest[:n+1]
	d.rest = d.rest[n+1:]
	if bytes.IndexByte(literal, '\\') < 0 {
		return string(literal[1:n])
	}
	_ = json.Unmarshal(literal, &s) // it is valid
	return s
}

// halfSurrogates looks for \u escapes that are half of a pair. JSON is valid.
func halfSurrogates(data []byte) (faults []string) {
	escape := func(i int) (rune, bool) {
		if i+6 > len(data) || data[i] != '\\' || data[i+1] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(string(data[i+2:i+6]), 16, 16)
		return rune(n), err == nil
	}
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		r, ok := escape(i)
		if !ok {
			i++ // \\ and \" too
			continue
		}
		i += 5
		if !utf16.IsSurrogate(r) {
			continue
		}
		if low, ok := escape(i + 1); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			i += 6
			continue
		}
		faults = append(faults, fmt.Sprintf(`\u%04x is half of a surrogate pair; a character was cut in two`, r))
	}
	return faults
}

// Join names the key of an object that stands at path.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Describe says what a JSON value is, for an error.
func Describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	case string:
		return strconv.Quote(string(short([]byte(v))))
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		return "an array of " + strconv.Itoa(len(v))
	case map[string]any:
		if len(v) == 0 {
			return "{}"
		}
		return "an object"
	}
	return fmt.Sprintf("%T", v)
}

// Difference names the first place where two JSON values differ, for an error.
func Difference(path string, got, want any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for _, key := range sortedKeys(w) {
			at := Join(path, key)
			v, ok := g[key]
			if !ok {
				return at + " is missing"
			}
			if d := Difference(at, v, w[key]); d != "" {
				return d
			}
		}
		for _, key := range sortedKeys(g) {
			if _, ok := w[key]; !ok {
				return Join(path, key) + " was not there"
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			if d := Difference(fmt.Sprintf("%s[%d]", path, i), g[i], w[i]); d != "" {
				return d
			}
		}
		return ""
	}
	if reflect.DeepEqual(got, want) {
		return ""
	}
	return fmt.Sprintf("%s is %s, was %s", path, Describe(got), Describe(want))
}
