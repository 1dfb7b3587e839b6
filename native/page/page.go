package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/clients"
	"github.com/qwenvoy/qwenvoy/native/probe"
)

// A Root is what stands on the page. All of it is escaped.
type Root struct {
	Version string
	Gateway *clients.Gateway
	Models  []Model
	// Served is the name of the model behind.
	Served string
	// Dead: the server is known not to answer. Findings are those of the last look at it.
	Dead     bool
	Findings []probe.Finding
}

// A Model is a virtual model, with what is said of it.
type Model struct{ Name, Profile, Thinking string }

//go:embed root.html
var text string

// style is the page's; the policy names it by its hash, so that no other has effect.
var style = func() string {
	_, rest, _ := strings.Cut(text, "<style>")
	s, _, _ := strings.Cut(rest, "</style>")
	return s
}()

// ContentType is the page's.
const ContentType = "text/html; charset=utf-8"

// Header are the fields that go with it: nothing is loaded, run, sent or framed.
var Header = func() [][2]string {
	hash := sha256.Sum256([]byte(style))
	return [][2]string{
		{"content-security-policy", "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		{"x-content-type-options", "nosniff"},
		{"referrer-policy", "no-referrer"},
		{"cache-control", "no-store"},
	}
}()

var parsed = template.Must(template.New("root").Parse(text))

// A connection is how one client is pointed at the gateway.
type connection struct{ Title, Run, Note, Text string }

// HTML writes the page.
func (r *Root) HTML() ([]byte, error) {
	var connections []connection
	for _, c := range clients.Table {
		one := connection{Title: c.Title, Note: c.Note(r.Gateway), Text: c.Text(r.Gateway)}
		if c.Program != "" {
			one.Run = r.Gateway.Run(c.Program)
		}
		connections = append(connections, one)
	}
	var out bytes.Buffer
	err := parsed.Execute(&out, struct {
		*Root
		Clients []connection
	}{r, connections})
	return out.Bytes(), err
}
