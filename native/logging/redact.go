package logging

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const redacted = "[redacted]"

// secretHeader reports whether a header field carries a secret. Providers name
// their key fields freely, so any name with key, token, secret or auth in it counts.
func secretHeader(name string) bool {
	n := strings.ToLower(name)
	switch n {
	case "cookie", "set-cookie":
		return true
	case "x-claude-code-session-id": // no key, but it leads to a person as metadata.user_id does
		return true
	case "x-codex-turn-metadata": // paths and repositories on the user's machine
		return true
	}
	if strings.HasPrefix(n, "sec-websocket-") {
		return n == "sec-websocket-protocol" // browsers put keys there
	}
	if strings.HasSuffix(n, "_tokens") {
		return false // counts, in log lines
	}
	for _, part := range [...]string{"authorization", "api-key", "apikey", "token", "secret", "password"} {
		if strings.Contains(n, part) {
			return true
		}
	}
	return false
}

// secretParameter reports whether a query parameter carries a secret.
func secretParameter(name string) bool {
	n := strings.ToLower(name)
	switch n {
	case "key", "api_key", "api-key", "apikey", "token", "access_token", "auth", "secret", "password", "sig", "signature":
		return true
	}
	return strings.HasSuffix(n, "_key") || strings.HasSuffix(n, "-key") ||
		strings.HasSuffix(n, "_token") || strings.HasSuffix(n, "_secret")
}

// Headers shows header fields with the values of secrets hidden, in the order of their names.
func Headers(h http.Header) slog.Value {
	names := make([]string, 0, len(h))
	for n := range h {
		names = append(names, n)
	}
	slices.Sort(names)
	attrs := make([]slog.Attr, 0, len(names))
	for _, n := range names {
		v := strings.Join(h[n], ", ")
		switch {
		case secretHeader(n):
			v = redacted
		case n == "Referer", n == "Location", n == "Content-Location":
			v = URI(v)
		}
		attrs = append(attrs, slog.String(n, v))
	}
	return slog.GroupValue(attrs...)
}

// URI shows a request target with the values of secret query parameters hidden.
// What can't be read as a parameter is hidden whole.
func URI(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if path != "" && path[0] != '/' {
		path = withoutUser(path)
	}
	if !ok {
		return path
	}
	var b strings.Builder
	b.WriteString(path)
	for sep := byte('?'); ok; {
		b.WriteByte(sep)
		part := query
		// Some servers separate parameters by semicolons too.
		cut := strings.IndexAny(query, "&;")
		if ok = cut >= 0; ok {
			part, sep, query = query[:cut], query[cut], query[cut+1:]
		}
		name, _, has := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		switch {
		case err != nil:
			b.WriteString(redacted)
		case has && secretParameter(plain):
			b.WriteString(name + "=" + redacted)
		default:
			b.WriteString(part)
		}
	}
	return b.String()
}

// withoutUser hides the user and password of an absolute URL, whose query is cut off.
func withoutUser(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return s
	}
	host, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = redacted + host[i:]
	}
	return scheme + "://" + host + path
}

// Body shows a body with secrets hidden, for the COMPLETE level: those given, the keys of
// this exchange, and the strings of members whose names say that they are secret. Given
// values of fewer than 8 bytes are too short to tell from text.
func Body(body []byte, secrets ...string) string {
	for _, s := range secrets {
		if len(s) >= 8 {
			body = bytes.ReplaceAll(body, []byte(s), []byte(redacted))
		}
	}
	var b strings.Builder
	copied, at := 0, 0 // of body
	for {
		name, next := literal(body, at)
		if next < 0 {
			break
		}
		at = behindSpace(body, next)
		if at == len(body) || body[at] != ':' || !secretMember(name) {
			continue
		}
		if at = behindSpace(body, at+1); at == len(body) || body[at] != '"' {
			continue
		}
		b.Write(body[copied : at+1])
		b.WriteString(redacted)
		value, end := literal(body, at)
		if copied = at + 1 + len(value); end < 0 { // cut off
			break
		}
		at = end
	}
	b.Write(body[copied:])
	return b.String()
}

// literal finds the next JSON string from at on: what stands between its quotes, and
// where it ends; -1 if it does not.
func literal(body []byte, at int) (inside []byte, end int) {
	quote := bytes.IndexByte(body[at:], '"')
	if quote < 0 {
		return nil, -1
	}
	start := at + quote + 1
	for i := start; i < len(body); i++ {
		switch body[i] {
		case '\\':
			i++
		case '"':
			return body[start:i], i + 1
		}
	}
	return body[start:], -1
}

func behindSpace(body []byte, at int) int {
	for at < len(body) && (body[at] == ' ' || body[at] == '\n' || body[at] == '\r' || body[at] == '\t') {
		at++
	}
	return at
}

// secretMember reports whether a member of a request holds a secret: the keys of MCP
// servers, in members of their own or as header fields, and metadata.user_id, which
// leads to a person. A token without more is one of a text.
func secretMember(name []byte) bool {
	n := strings.ToLower(string(name))
	return n == "user_id" || n != "token" && secretHeader(n)
}

// RemoteHost is an address without its port.
func RemoteHost(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// Credential is the secret in an Authorization value: what follows the scheme.
func Credential(value string) string {
	if _, after, ok := strings.Cut(value, " "); ok {
		return strings.TrimSpace(after)
	}
	return value
}
