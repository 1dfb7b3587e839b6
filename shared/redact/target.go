package redact

import (
	"strconv"
	"strings"
)

// Target shows a request's target or a URL. Of a path it shows words, of a query the names
// that are words, and the values of the few parameters that are known and harmless. Anything
// else is shown by its length: servers take keys in any part of a URL.
func Target(s string) string {
	if simple(s) {
		return s
	}
	return string(appendTarget(nil, s))
}

// simple tells that there is nothing to hide in a path, as in those of most requests.
func simple(s string) bool {
	s = strings.TrimPrefix(s, "/v1")
	for _, c := range []byte(s) {
		if c != '/' && (c < 'a' || c > 'z') {
			return s == "/messages/count_tokens"
		}
	}
	return len(s) < 24 && !holdsPart(s)
}

func appendTarget(dst []byte, s string) []byte {
	s, fragment, hasFragment := strings.Cut(s, "#")
	s, query, hasQuery := strings.Cut(s, "?")
	switch i := strings.Index(s, "//"); {
	case i > 0 && s[i-1] == ':':
		dst = append(dst, s[:i+2]...)
		host, path := s[i+2:], ""
		if end := strings.IndexAny(host, `/\`); end >= 0 {
			host, path = host[:end], host[end:]
		}
		dst, s = appendHost(dst, host), path
	case i == 0:
		// A request's path may begin so, with a segment that is no host: only what stands before
		// an @ is sure.
		host, _, _ := strings.Cut(s[2:], "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			dst, s = append(append(append(dst, "//"...), Hidden...), '@'), s[2+at+1:]
		}
	}
	dst = appendPath(dst, s)
	if hasQuery {
		dst = appendQuery(append(dst, '?'), query)
	}
	if hasFragment {
		dst = appendSize(append(dst, '#'), fragment)
	}
	return dst
}

// appendHost hides the user and the password of an authority.
func appendHost(dst []byte, host string) []byte {
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		dst, host = append(dst, Hidden...), host[i:]
	}
	// A password with a slash in it makes a port of its beginning.
	if i := strings.LastIndexByte(host, ':'); i >= 0 && i > strings.LastIndexByte(host, ']') && i+1 < len(host) && !number(host[i+1:], 5) {
		return append(append(dst, host[:i+1]...), Hidden...)
	}
	return append(dst, host...)
}

func appendPath(dst []byte, path string) []byte {
	named := false // the segment before is the name of a secret
	for {
		segment, rest, more := strings.Cut(path, "/")
		switch {
		case segment == "":
		case named:
			dst = append(dst, Hidden...)
		case plain(segment), own(segment), constant(segment):
			dst = append(dst, segment...)
		default:
			dst = appendSize(dst, segment)
		}
		named = segment != "" && Secret(segment) && segment != "count_tokens" && segment != "input_tokens"
		if !more {
			return dst
		}
		dst, path = append(dst, '/'), rest
	}
}

// Query shows a query, or a form that is encoded as one.
func Query(s string) string { return string(appendQuery(nil, s)) }

func appendQuery(dst []byte, query string) []byte {
	for {
		part, sep := query, -1
		// Some servers separate parameters by semicolons too.
		if sep = strings.IndexAny(query, "&;"); sep >= 0 {
			part = query[:sep]
		}
		dst = appendParameter(dst, part)
		if sep < 0 {
			return dst
		}
		dst, query = append(dst, query[sep]), query[sep+1:]
	}
}

func appendParameter(dst []byte, part string) []byte {
	name, value, has := strings.Cut(part, "=")
	name = strings.ReplaceAll(unescaped(name), "+", " ")
	switch {
	case has && plainName(name):
		dst = append(dst, name...)
	case !has && plain(name) && !Secret(name) && len(name) <= 16:
		return append(dst, name...)
	default:
		dst = appendSize(dst, name)
	}
	switch {
	case !has:
		return dst
	case constant(value), parameters[name] && (plain(value) || number(value, 6) || own(value)), Counts(name) && number(value, 10):
		return append(append(dst, '='), value...)
	case Secret(name):
		return append(append(dst, '='), Hidden...)
	}
	return appendSize(append(dst, '='), value)
}

// parameters are those whose values are words, numbers and identifiers.
var parameters = map[string]bool{
	"after": true, "before": true, "limit": true, "order": true, "include": true, "include[]": true, "stream": true,
	"starting_after": true, "beta": true, "api-version": true, "version": true, "format": true, "timeout": true,
}

// Field shows a field of a head: its name where it is made of words, its value where the
// field is known and harmless, else their lengths.
func Field(name, value string) (shownName, shownValue string) {
	n := lower(name)
	shownName = name
	if !plainName(name) {
		shownName = size(len(name))
	}
	switch {
	case constant(value), number(value, 10) && Counts(n):
		return shownName, value
	case urlFields[n]:
		return shownName, Target(value)
	case harmless(n):
		return shownName, Text(value, MaxValue)
	case Secret(n):
		return shownName, Hidden
	}
	return shownName, size(len(value))
}

// urlFields hold a URL, or a part of one.
var urlFields = map[string]bool{"location": true, "content-location": true, "referer": true, "origin": true, "refresh": true}

// fields are those whose values may be shown.
var fields = map[string]bool{
	"accept": true, "accept-charset": true, "accept-encoding": true, "accept-language": true, "accept-ranges": true, "age": true,
	"allow": true, "alt-svc": true, "anthropic-beta": true, "anthropic-version": true, "cache-control": true, "connection": true,
	"content-disposition": true, "content-encoding": true, "content-language": true, "content-length": true, "content-type": true,
	"date": true, "expect": true, "expires": true, "host": true, "keep-alive": true, "last-modified": true, "max-forwards": true,
	"openai-beta": true, "openai-processing-ms": true, "openai-version": true, "originator": true, "pragma": true, "priority": true,
	"range": true, "request-id": true, "retry-after": true, "retry-after-ms": true, "server": true, "strict-transport-security": true,
	"te": true, "traceparent": true, "trailer": true, "transfer-encoding": true, "upgrade": true, "user-agent": true, "vary": true,
	"via": true, "x-accel-buffering": true, "x-app": true, "x-content-type-options": true, "x-envoy-attempt-count": true,
	"x-envoy-upstream-service-time": true, "x-forwarded-for": true, "x-forwarded-proto": true, "x-request-id": true,
	"x-served-by": true, "x-should-retry": true,
}

func harmless(name string) bool {
	if fields[name] {
		return true
	}
	for _, prefix := range [...]string{
		"access-control-", "qwenvoy-", "sec-fetch-", "sec-ch-ua", "x-stainless-", "x-ratelimit-", "anthropic-ratelimit-",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func size(n int) string { return "[" + strconv.Itoa(n) + "]" }

func appendSize(dst []byte, s string) []byte {
	if constant(s) {
		return append(dst, s...)
	}
	return append(strconv.AppendInt(append(dst, '['), int64(len(s)), 10), ']')
}
