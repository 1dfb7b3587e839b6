package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// MaxText is how long a configuration may be. Those of a thousand models are shorter; what is
// longer is another file, or an attempt to keep whoever reads it busy.
const MaxText = 128 << 10

// Decode reads a JSON object over Default and validates the result. The error holds all
// faults. A key that the schema doesn't have is one that names the closest one that it
// has. null leaves a key at its default.
func Decode(text []byte) (*Config, error) {
	c := Default()
	if err := Join(DecodeInto(c, text, nil), c.Validate()); err != nil {
		return nil, err
	}
	return c, nil
}

// DecodeInto is Decode into c, without validation, for an edge that has more to add. env
// tells the values of variables, which stand as ${NAME} in secrets; an edge without them
// gives nil, and each is a fault.
func DecodeInto(c *Config, text []byte, env func(string) (string, bool)) error {
	var d decoder
	if len(text) > MaxText {
		d.errs.Add("", "the configuration has %d bytes, at most %d are allowed", len(text), MaxText)
		return d.errs
	}
	v, err := jsonedit.Parse(text)
	if err != nil {
		d.errs.Add("", "the configuration is not valid JSON: %v", err)
		return d.errs
	}
	d.env = env
	d.value("", v, reflect.ValueOf(c).Elem(), false)
	return d.errs.Err()
}

// A decoder goes through a text and the schema side by side and collects the faults. What has
// one stays as it was.
type decoder struct {
	env  func(string) (string, bool)
	errs Errors
}

var (
	bytesType    = reflect.TypeFor[Bytes]()
	durationType = reflect.TypeFor[Duration]()
	targetType   = reflect.TypeFor[Target]()
)

// value reads one value. A secret's is never shown.
func (d *decoder) value(path string, v jsonedit.Value, into reflect.Value, secret bool) {
	switch {
	case v.Kind() == jsonedit.Null:
		return
	case into.Type() == bytesType:
		n, err := parseBytes(v)
		if err != nil {
			d.wrong(path, v, "a size such as 1048576, 100MB or 32MiB", secret)
			return
		}
		into.SetInt(n)
		return
	case into.Type() == durationType:
		n, err := time.ParseDuration(v.Text())
		if err != nil || n < 0 {
			d.wrong(path, v, "a duration such as 500ms, 10s or 5m, or 0 for none", secret)
			return
		}
		into.SetInt(int64(n))
		return
	}
	if into.Type() == targetType && v.Kind() == jsonedit.String { // an upstream alone
		into = into.Field(0)
	}
	switch into.Kind() {
	case reflect.Pointer:
		p, before := reflect.New(into.Type().Elem()), len(d.errs)
		if d.value(path, v, p.Elem(), secret); len(d.errs) == before {
			into.Set(p)
		}
	case reflect.String:
		d.text(path, v, into, secret)
	case reflect.Bool:
		if v.Kind() != jsonedit.True && v.Kind() != jsonedit.False {
			d.wrong(path, v, "true or false", secret)
			return
		}
		into.SetBool(v.Kind() == jsonedit.True)
	case reflect.Int:
		n, err := strconv.Atoi(string(v.Raw()))
		if err != nil {
			d.wrong(path, v, "a whole number", secret)
			return
		}
		into.SetInt(int64(n))
	case reflect.Float64:
		n, err := strconv.ParseFloat(string(v.Raw()), 64)
		if v.Kind() != jsonedit.Number || err != nil {
			d.wrong(path, v, "a number", secret)
			return
		}
		into.SetFloat(n)
	case reflect.Slice:
		if v.Kind() != jsonedit.Array {
			d.wrong(path, v, "a list", true)
			return
		}
		list := reflect.MakeSlice(into.Type(), 0, 4)
		v.Each(func(_ []byte, e jsonedit.Value) bool {
			item := reflect.New(into.Type().Elem()).Elem()
			d.value(fmt.Sprintf("%s[%d]", path, list.Len()), e, item, secret)
			list = reflect.Append(list, item)
			return true
		})
		into.Set(list)
	case reflect.Struct:
		if v.Kind() != jsonedit.Object {
			d.wrong(path, v, "an object of keys and values", true)
			return
		}
		d.object(path, v, into)
	default:
		panic("config: no rule for " + into.Type().String())
	}
}

func (d *decoder) text(path string, v jsonedit.Value, into reflect.Value, secret bool) {
	switch v.Kind() {
	case jsonedit.String:
		if text, ok := d.expand(path, v.Text(), secret); ok {
			into.SetString(text)
		}
	// YAML reads an unquoted on, off, yes or no as a boolean in some parsers.
	case jsonedit.True:
		into.SetString("on")
	case jsonedit.False:
		into.SetString("off")
	case jsonedit.Number:
		if path == "listen" { // a port alone
			into.SetString(string(v.Raw()))
			return
		}
		d.wrong(path, v, "a string", secret)
	default:
		d.wrong(path, v, "a string", secret)
	}
}

// expand puts variables in their places. What is meant as one is never taken as it stands:
// a key that reads ${KEY} would be sent.
func (d *decoder) expand(path, text string, secret bool) (expanded string, ok bool) {
	before := len(d.errs)
	var out strings.Builder
	for rest := text; ; {
		head, tail, begins := strings.Cut(rest, "${")
		out.WriteString(head)
		if !begins {
			return out.String(), len(d.errs) == before
		}
		name, after, ends := strings.Cut(tail, "}")
		rest = after
		if !ends || !isVariable(name) {
			d.errs.Add(path, "${ begins a variable, which is letters, digits and _, and } (the value is not shown)")
			return "", false
		}
		switch {
		case !secret:
			d.errs.Add(path, "${%s} is not allowed here: variables may stand in addresses and keys only", name)
		case d.env == nil:
			d.errs.Add(path, "${%s} is not allowed here: there are no variables to take it from, the value itself is wanted", name)
		default:
			value, _ := d.env(name)
			if value == "" {
				d.errs.Add(path, "the variable %s is not set", name)
			}
			out.WriteString(value)
		}
	}
}

func isVariable(name string) bool {
	return name != "" && len(name) <= maxShown && (name[0] < '0' || name[0] > '9') && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// moved says what has become of keys of earlier versions.
var moved = map[string]string{
	"responses.websocket_origins": "this key has become cors.origins, which is for HTTP and WebSocket alike; " +
		"an entry there is an origin such as https://app.example.com or https://*.example.com, or *",
}

func (d *decoder) object(path string, v jsonedit.Value, into reflect.Value) {
	keys := make([]string, into.NumField())
	for i := range keys {
		keys[i] = into.Type().Field(i).Tag.Get("json")
	}
	seen := map[string]bool{}
	v.Each(func(key []byte, v jsonedit.Value) bool {
		k := string(key)
		i := slices.Index(keys, k)
		if became := moved[Below(path, k)]; became != "" {
			d.errs.Add(Below(path, k), "%s", became)
			return true
		}
		if i < 0 {
			shown, closest := unknown(k, keys)
			d.errs = append(d.errs, &Error{Path: Below(path, shown), Text: "unknown key" + closest, hidden: Below(path, k)})
			return true
		}
		at := Below(path, k)
		if seen[k] {
			d.errs.Add(at, "the key stands twice")
			return true
		}
		seen[k] = true
		d.value(at, v, into.Field(i), into.Type().Field(i).Tag.Get("secret") != "")
		return true
	})
}

// Below is the path of a key of the object at a path.
func Below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func parseBytes(v jsonedit.Value) (int64, error) {
	s, factor := strings.TrimSpace(v.Text()), int64(1)
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

// wrong adds the fault of a value that is of another type than wanted.
func (d *decoder) wrong(path string, v jsonedit.Value, want string, hidden bool) {
	d.errs.Add(path, "%s is not allowed here, %s is wanted", shown(v, hidden), want)
}

// maxShown bounds what of a text is shown.
const maxShown = 40

// shown is a value for an error's text. Of one that is or may hold a secret only the kind.
func shown(v jsonedit.Value, hidden bool) string {
	raw := string(v.Raw())
	switch {
	case raw == "{}", raw == "[]":
		return raw
	case v.Kind() == jsonedit.Object:
		return "an object"
	case v.Kind() == jsonedit.Array:
		return "a list"
	case hidden && v.Kind() == jsonedit.String:
		return "a text"
	case hidden && v.Kind() == jsonedit.Number:
		return "a number"
	case len(raw) > maxShown && !mayHoldSecret(raw):
		return raw[:maxShown-3] + "…"
	}
	return raw
}

// unknown is what is said of a key that the schema doesn't have: its name, if it looks like
// one rather than a value that lacks its key, and the closest of the known ones.
func unknown(key string, known []string) (shown, closest string) {
	all := ", known are " + strings.Join(known, ", ")
	if len(key) > maxShown {
		return "(not shown)", all
	}
	best, changes := Closest(key, known)
	if best != "" && changes <= 3 {
		return key, ", did you mean " + best + "?"
	}
	if key == "" || strings.ContainsFunc(key, func(r rune) bool {
		return !strings.ContainsRune("_-.", r) && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return "(not shown)", all
	}
	if best == "" {
		return key, all
	}
	return key, ", did you mean " + best + "?"
}

// Closest is the known word that a misspelt one was most likely meant as, and how many letters
// change between them; "" where more than half of them would.
func Closest(word string, known []string) (best string, changes int) {
	changes = 1 + len(word)/2
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < changes {
			best, changes = k, d
		}
	}
	return best, changes
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
func (b Bytes) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, int64(b), 10), nil }

// MarshalJSON writes a duration in the form that Decode reads.
func (d Duration) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, time.Duration(d).String()), nil // of plain letters and digits
}
