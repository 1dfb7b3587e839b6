package probe

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// quotes shows what a server says in the bounds of a Finding, without the key that it was
// asked with.
type quotes struct{ key string }

// maxWords is how much of a server's sentence is shown, maxName of a name, and shownModels how
// many names.
const (
	maxWords    = 300
	maxName     = 120
	shownModels = 10
)

// Words are a server's own in the body of an error, whatever shape it has, as one line of at
// most 300 bytes. Known are keys that may stand in it.
func Words(body []byte, known ...string) string {
	if gjson.ValidBytes(body) {
		v := gjson.ParseBytes(body)
		for _, path := range [...]string{"error.message", "message", "detail", "error"} {
			if m := v.Get(path); m.Type == gjson.String && m.Str != "" {
				return line(m.Str, maxWords, known...)
			}
		}
	}
	return line(string(body[:min(len(body), 4*maxWords)]), maxWords, known...)
}

// line shows a text as one line.
func line(text string, limit int, known ...string) string {
	return redact.Text(strings.Join(strings.Fields(text), " "), limit, known...)
}

func (q quotes) words(a *Answer) string { return Words(a.Body, q.key) }

// cause is an error's text without the method and the address, which are said anyway.
func (q quotes) cause(err error) string {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	return q.shown(err.Error())
}

// shown is a foreign text, name a model's.
func (q quotes) shown(text string) string { return line(text, maxWords, q.key) }
func (q quotes) name(name string) string  { return line(name, maxName, q.key) }

func (q quotes) names(models []Model) string {
	var names []string
	for _, m := range models[:min(len(models), shownModels)] {
		names = append(names, q.name(m.Name))
	}
	if more := len(models) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
