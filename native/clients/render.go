package clients

import (
	"fmt"
	"regexp"
	"strings"
)

// NoKey is the key of clients that want one where the server asks for none.
const NoKey = "x"

// shellKey is the client's key in a shell.
const shellKey = `"${` + KeyVariable + `:-` + NoKey + `}"`

// Note says what is to be done with Text where that are no lines of a shell.
func (c *Client) Note(g *Gateway) string {
	s := c.Settings(g)
	switch {
	case s.File != nil:
		return fmt.Sprintf("this goes into %s; %s must be set, to any value where the server asks for no key", s.File.Path, KeyVariable)
	case s.Sample != nil:
		return fmt.Sprintf("this is a program; the key is that of %s", KeyVariable)
	case s.Form != nil && s.Commands == nil:
		return "these are fields of its settings page"
	}
	return ""
}

// Text is what a user types or copies: lines of a shell, a configuration file, or the fields of
// a settings page as comments.
func (c *Client) Text(g *Gateway) string {
	var b strings.Builder
	s := c.Settings(g)
	if s.File != nil {
		return s.File.Text
	}
	if s.Sample != nil {
		return s.Sample.Text
	}
	for _, name := range s.Unset {
		fmt.Fprintf(&b, "unset %s\n", name)
	}
	for _, v := range s.Variables {
		value := quoted(v.Value)
		if v.Key {
			value = shellKey
		}
		fmt.Fprintf(&b, "export %s=%s\n", v.Name, value)
	}
	for _, line := range s.Commands {
		if s.Variables != nil { // a shell that reads these lines shall not start the client
			line = "# then: " + line
		}
		fmt.Fprintln(&b, line)
	}
	if s.Form != nil && len(s.Commands) > 0 {
		fmt.Fprintln(&b, "\n# or, on its settings page:")
	}
	for _, field := range s.Form {
		fmt.Fprintf(&b, "# %s: %s\n", field[0], field[1])
	}
	return b.String()
}

// Curl is what to type to ask a model, whole or as a stream.
func (g *Gateway) Curl(model string, stream bool) string {
	curl, fields := "curl ", ""
	if stream {
		curl, fields = "curl -N ", `"stream":true,`
	}
	body := `{"model":` + strings.TrimSuffix(indented(model), "\n") + "," + fields + `"messages":[{"role":"user","content":"Count to 5"}]}`
	return curl + quoted(g.URL+"/v1/chat/completions") + " -H 'content-type: application/json' \\\n  -d " + quoted(body)
}

// Run is what to type to have qwenvoy start a client.
func (g *Gateway) Run(program string) string {
	return "qwenvoy run --url " + quoted(g.URL) + " -- " + program
}

// plain is what a shell takes as it stands.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`)

// quoted is a text as one word of a shell.
func quoted(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
