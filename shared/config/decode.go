package config

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// An Error names the faulty key of a configuration, its value and what is allowed.
type Error struct {
	Path string // such as "profiles[0].top_p"
	Text string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Text
	}
	return e.Path + ": " + e.Text
}

// Decode reads a JSON object over Default and validates the result. A key that the
// schema doesn't have is an error that names the closest one that it has. null
// leaves a key at its default.
func Decode(text []byte) (*Config, error) {
	c := Default()
	if err := DecodeInto(c, text); err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// DecodeInto is Decode into c, without validation, for an edge that has more to add.
func DecodeInto(c *Config, text []byte) error {
	if !gjson.ValidBytes(text) {
		return &Error{Text: "the configuration is not valid JSON"}
	}
	return decode("", gjson.ParseBytes(text), reflect.ValueOf(c).Elem())
}

var (
	bytesType    = reflect.TypeFor[Bytes]()
	durationType = reflect.TypeFor[Duration]()
)

func decode(path string, v gjson.Result, into reflect.Value) error {
	if v.Type == gjson.Null {
		return nil
	}
	wrong := func(want string) error {
		return &Error{path, fmt.Sprintf("%s is not allowed here, %s is wanted", shown(path, v), want)}
	}
	switch into.Type() {
	case bytesType:
		n, err := parseBytes(v)
		if err != nil {
			return wrong("a size such as 1048576, 100MB or 32MiB")
		}
		into.SetInt(n)
		return nil
	case durationType:
		d, err := time.ParseDuration(v.String())
		if err != nil || d < 0 {
			return wrong("a duration such as 500ms, 10s or 5m, or 0 for none")
		}
		into.SetInt(int64(d))
		return nil
	}
	switch into.Kind() {
	case reflect.Pointer:
		p := reflect.New(into.Type().Elem())
		if err := decode(path, v, p.Elem()); err != nil {
			return err
		}
		into.Set(p)
	case reflect.String:
		switch v.Type {
		case gjson.String:
			into.SetString(v.Str)
		case gjson.True, gjson.False:
			// YAML reads an unquoted on, off, yes or no as a boolean in some parsers.
			into.SetString(map[bool]string{true: "on", false: "off"}[v.Bool()])
		default:
			return wrong("a string")
		}
	case reflect.Bool:
		if v.Type != gjson.True && v.Type != gjson.False {
			return wrong("true or false")
		}
		into.SetBool(v.Bool())
	case reflect.Int:
		n, err := strconv.Atoi(v.Raw)
		if v.Type != gjson.Number || err != nil {
			return wrong("a whole number")
		}
		into.SetInt(int64(n))
	case reflect.Float64:
		if v.Type != gjson.Number || math.IsInf(v.Num, 0) {
			return wrong("a number")
		}
		into.SetFloat(v.Num)
	case reflect.Slice:
		if !v.IsArray() {
			return wrong("a list")
		}
		list := reflect.MakeSlice(into.Type(), 0, 4)
		for i, e := range v.Array() {
			item := reflect.New(into.Type().Elem()).Elem()
			if err := decode(fmt.Sprintf("%s[%d]", path, i), e, item); err != nil {
				return err
			}
			list = reflect.Append(list, item)
		}
		into.Set(list)
	case reflect.Struct:
		if !v.IsObject() {
			return wrong("an object of keys and values")
		}
		return decodeObject(path, v, into)
	default:
		panic("config: no rule for " + into.Type().String())
	}
	return nil
}

func decodeObject(path string, v gjson.Result, into reflect.Value) (err error) {
	keys := make([]string, into.NumField())
	for i := range keys {
		keys[i] = into.Type().Field(i).Tag.Get("json")
	}
	seen := map[string]bool{}
	v.ForEach(func(k, v gjson.Result) bool {
		at := k.Str
		if path != "" {
			at = path + "." + k.Str
		}
		i := slices.Index(keys, k.Str)
		switch {
		case i < 0:
			err = &Error{at, "unknown key" + suggestion(k.Str, keys)}
		case seen[k.Str]:
			err = &Error{at, "the key stands twice"}
		default:
			seen[k.Str] = true
			err = decode(at, v, into.Field(i))
		}
		return err == nil
	})
	return err
}

func parseBytes(v gjson.Result) (int64, error) {
	s, factor := strings.TrimSpace(v.String()), int64(1)
	for _, u := range []struct {
		name string
		n    int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}} {
		if t, ok := strings.CutSuffix(s, u.name); ok {
			s, factor = strings.TrimSpace(t), u.n
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return 0, strconv.ErrRange
	}
	return n * factor, nil
}

// shown is a value for an error's text: never a key, nor what may hold one.
func shown(path string, v gjson.Result) string {
	switch {
	case v.Raw == "{}", v.Raw == "[]":
		return v.Raw
	case v.IsObject():
		return "an object"
	case v.IsArray():
		return "a list"
	case strings.HasSuffix(path, "api_key"), strings.HasSuffix(path, "redis"), strings.Contains(v.Raw, "://") && strings.Contains(v.Raw, "@"):
		return "a value of another type (not shown)"
	}
	return abbreviate(v.Raw)
}

func abbreviate(raw string) string {
	if len(raw) > 40 {
		return raw[:37] + "…"
	}
	return raw
}

// suggestion names the key that is closest to a wrong one.
func suggestion(wrong string, keys []string) string {
	best, least := "", 1+len(wrong)/2
	for _, k := range keys {
		if d := distance(strings.ToLower(wrong), k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ", known are " + strings.Join(keys, ", ")
	}
	return ", did you mean " + best + "?"
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above+1, row[j]+1, diagonal+cost)
			diagonal = above
		}
	}
	return row[len(b)]
}

// MarshalJSON writes a size as a number.
func (b Bytes) MarshalJSON() ([]byte, error) { return json.Marshal(int64(b)) }

// MarshalJSON writes a duration in the form that Decode reads.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }
