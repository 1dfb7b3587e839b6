package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
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
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, twice, err := decode(d, "")
	if err != nil {
		return nil, append(faults, fmt.Sprintf("the JSON can't be read: %v", err))
	}
	for _, path := range twice {
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

func decode(d *json.Decoder, path string) (v any, twice []string, err error) {
	t, err := d.Token()
	if err != nil {
		return nil, nil, err
	}
	switch t {
	case json.Delim('{'):
		object := map[string]any{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, nil, err
			}
			at := Join(path, key.(string))
			v, inner, err := decode(d, at)
			if err != nil {
				return nil, nil, err
			}
			if _, ok := object[key.(string)]; ok {
				twice = append(twice, at)
			}
			twice = append(twice, inner...)
			object[key.(string)] = v
		}
		_, err = d.Token()
		return object, twice, err
	case json.Delim('['):
		array := []any{}
		for d.More() {
			v, inner, err := decode(d, fmt.Sprintf("%s[%d]", path, len(array)))
			if err != nil {
				return nil, nil, err
			}
			twice = append(twice, inner...)
			array = append(array, v)
		}
		_, err = d.Token()
		return array, twice, err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return t, nil, err
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
