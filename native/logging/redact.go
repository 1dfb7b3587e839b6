package logging

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/redact"
)

const (
	// maxBody and maxHeaders are the two big shares of a line: what it shows of a body, and
	// of all fields of a head, each as it is written.
	maxBody    = 40 << 10
	maxHeaders = 12 << 10
	// maxKey is how long a key may be that is looked for in a body.
	maxKey = 8 << 10
)

// shown is a text that is fit for a log: it was redacted with what was known of its
// exchange, and has a bound of its own.
type shown string

// Checked is a text that who made it keeps free of secrets, such as an error that names the
// keys of a configuration: of the rules for values only their bounds hold for it.
func Checked(text string) slog.Value { return slog.AnyValue(shown(redact.Bounded(text))) }

// Headers shows header fields without secrets, in the order of their names.
func Headers(h http.Header) slog.Value {
	names := make([]string, 0, len(h))
	for n := range h {
		names = append(names, n)
	}
	slices.Sort(names)
	attrs, room := make([]slog.Attr, 0, len(names)), maxHeaders
	for i, n := range names {
		name, value := redact.Field(n, strings.Join(h[n], ", "))
		if room -= cost(name) + cost(value) + 8; room < 0 {
			attrs = append(attrs, slog.Int("more", len(names)-i))
			break
		}
		attrs = append(attrs, slog.Any(name, shown(value)))
	}
	return slog.GroupValue(attrs...)
}

// URI shows a request target, or a URL, without secrets.
func URI(target string) string { return redact.Target(target) }

// Body shows a body without secrets, for the COMPLETE level. Given are the keys of its exchange.
func Body(body []byte, secrets ...string) slog.Value {
	return slog.AnyValue(shown(fit(redact.Text(string(body[:min(len(body), 4*maxBody+maxKey)]), maxBody, secrets...), maxBody)))
}

// Form is Body for a form that is encoded as a query is.
func Form(body []byte, secrets ...string) slog.Value {
	return Body([]byte(redact.Query(string(body[:min(len(body), maxBody)]))), secrets...)
}

// fault is an error's text without what it quotes: that is what the other side sent, which
// may be anything. Words and URLs stay.
func fault(err error) string {
	text := err.Error()
	var p textproto.ProtocolError
	if errors.As(err, &p) {
		if before, after, ok := strings.Cut(string(p), ": "); ok {
			text = strings.ReplaceAll(text, string(p), before+": ["+strconv.Itoa(len(after))+"]")
		}
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			break
		}
		q, e := strconv.QuotedPrefix(text[i:])
		if e != nil {
			b.WriteString(text[:i] + redact.Hidden)
			text = ""
			break
		}
		b.WriteString(text[:i])
		if inside := q[1 : len(q)-1]; strings.Contains(inside, "://") {
			b.WriteString(`"` + redact.Target(inside) + `"`)
		} else {
			b.WriteString(`"` + redact.Word(inside) + `"`)
		}
		text = text[i+len(q):]
	}
	b.WriteString(text)
	return b.String()
}

// RemoteHost is an address without its port.
func RemoteHost(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	if address == "" || address == "@" { // what Go calls those at a Unix socket
		return "unix"
	}
	return address
}

// Credentials are the secrets in an Authorization value: what follows the scheme, and the
// password in it.
func Credentials(value string) []string {
	_, after, ok := strings.Cut(value, " ")
	if !ok {
		return []string{value}
	}
	after = strings.TrimSpace(after)
	if plain, err := base64.StdEncoding.DecodeString(after); err == nil {
		if _, password, ok := strings.Cut(string(plain), ":"); ok {
			return []string{after, password}
		}
	}
	return []string{after}
}
