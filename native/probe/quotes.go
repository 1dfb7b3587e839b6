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

// words are a server's own, of an error in any of the shapes that servers give it.
func (q quotes) words(a *Answer) string {
	v := a.json()
	for _, path := range [...]string{"error.message", "message", "detail", "error"} {
		if m := v.Get(path); m.Type == gjson.String && m.Str != "" {
			return q.shown(m.Str)
		}
	}
	return q.shown(string(a.Body[:min(len(a.Body), 4*maxWords)]))
}

// cause is an error's text without the method and the address, which are said anyway.
func (q quotes) cause(err error) string {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	return q.shown(err.Error())
}

// shown is a foreign text, name a model's.
func (q quotes) shown(text string) string { return q.within(text, maxWords) }
func (q quotes) name(name string) string  { return q.within(name, maxName) }

func (q quotes) within(text string, limit int) string {
	return redact.Text(strings.Join(strings.Fields(text), " "), limit, q.key)
}

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
