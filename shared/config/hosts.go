package config

import "strings"

// Loopback tells whether a host, a name or an address without a port, is this machine's own.
func Loopback(host string) bool {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "::1" || name == "[::1]" {
		return true
	}
	rest, ok := strings.CutPrefix(name, "127.")
	return ok && strings.Trim(rest, "0123456789.") == "" && strings.Count(rest, ".") <= 2
}

// isOrigin tells whether a text is an origin, with a * for what is below a domain, or *. What
// desktop programs say of their own files is one.
func isOrigin(text string) bool {
	scheme, host, ok := strings.Cut(text, "://")
	return text == "*" || text == "file://" || ok && scheme != "" && !strings.Contains(scheme, "*") && isAuthority(host)
}

// isHost tells whether a text is a host without a port, with a * for what is below a domain,
// or *.
func isHost(text string) bool {
	colon := strings.Contains(text, ":") && !(strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]"))
	return text == "*" || !colon && isAuthority(text)
}

// isAuthority tells whether a text is a host with or without a port, with a * for what is
// below a domain.
func isAuthority(text string) bool {
	text = strings.TrimPrefix(text, "*.")
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("*/?#,@", r) })
}
