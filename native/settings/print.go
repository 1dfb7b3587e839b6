package settings

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// Print is the configuration that Load gives, as YAML, with a comment behind each value that
// says where it comes from. Keys are masked.
func Print(f *Flags, env func(string) (string, bool)) ([]byte, error) {
	g, err := load(f, env, env)
	if err != nil {
		return nil, err
	}
	p := printer{where: g.where}
	p.object("", reflect.ValueOf(g.config).Elem(), "", "")
	return p.text(), nil
}

// A printer writes a configuration down.
type printer struct {
	where map[string]string // by path, what gave a value
	lines []printedLine
}

type printedLine struct {
	text   string
	origin string // "" where the line holds no value
}

// object writes the keys of an object; first begins the first line where it is not indent.
func (p *printer) object(path string, v reflect.Value, first, indent string) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key := field.Tag.Get("json")
		before := indent
		if first != "" {
			before = first
		}
		if p.member(config.Below(path, key), before+key+":", indent, v.Field(i), field.Tag.Get("secret")) {
			first = ""
		}
	}
}

// member writes a key and its value, and tells whether there is one.
func (p *printer) member(path, line, indent string, v reflect.Value, secret string) bool {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return false
		}
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Struct:
		p.lines = append(p.lines, printedLine{text: line})
		p.object(path, v, "", indent+"  ")
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && v.Len() > 0:
		p.lines = append(p.lines, printedLine{text: line})
		for i := range v.Len() {
			p.object(fmt.Sprintf("%s[%d]", path, i), v.Index(i), indent+"  - ", indent+"    ")
		}
	default:
		origin := p.where[path]
		if origin == "" {
			origin = "default"
		}
		p.lines = append(p.lines, printedLine{line + " " + shownValue(v, secret), origin})
	}
	return true
}

// maxColumn is the column that comments begin in at most; behind longer lines they follow.
const maxColumn = 56

func (p *printer) text() []byte {
	column := 0
	for _, l := range p.lines {
		if n := len(l.text); l.origin != "" && n <= maxColumn {
			column = max(column, n)
		}
	}
	var out bytes.Buffer
	for _, l := range p.lines {
		if l.origin == "" {
			fmt.Fprintln(&out, l.text)
		} else {
			fmt.Fprintf(&out, "%-*s  # %s\n", column, l.text, l.origin)
		}
	}
	return out.Bytes()
}

// masked stands for a key.
const masked = `"[redacted]"`

// shownValue is a value in YAML.
func shownValue(v reflect.Value, secret string) string {
	switch value := v.Interface().(type) {
	case config.Bytes:
		return ShownSize(int64(value))
	case config.Duration:
		return shownDuration(time.Duration(value))
	case string:
		switch {
		case value == "" || secret == "":
			return shownText(value)
		case secret == "url":
			return shownText(RedactedURL(value))
		}
		return masked
	case []string:
		texts := make([]string, len(value))
		for i, text := range value {
			texts[i] = shownText(text)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case float64:
		return strconv.FormatFloat(value, 'g', -1, 64)
	}
	if v.Kind() == reflect.Slice { // of objects, and empty
		return "[]"
	}
	return fmt.Sprint(v.Interface())
}

// plain are texts that YAML takes for nothing else.
var plain = regexp.MustCompile(`^(on|off|\d+(\.\d+){3}|[A-Za-z/][A-Za-z0-9_./:+-]*[A-Za-z0-9_/+-])$`)

func shownText(text string) string {
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "null":
		return strconv.Quote(text)
	}
	if plain.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

// ShownSize is a number of bytes as a configuration may hold it.
func ShownSize(n int64) string {
	for _, u := range []struct {
		name string
		n    int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"GB", 1e9}, {"MB", 1e6}, {"KiB", 1 << 10}, {"KB", 1e3}} {
		if n > 0 && n%u.n == 0 {
			return strconv.FormatInt(n/u.n, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

func shownDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
