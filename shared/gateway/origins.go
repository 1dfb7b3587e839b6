package gateway

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// origins are the origins of web pages that may read what the gateway answers: exact ones,
// such as https://app.example.com, those below a domain (https://*.example.com), or * for
// all; in lower case.
type origins []string

// allow tells whether a page may read our replies. Those of the gateway's own origin and of
// this machine always may.
func (o origins) allow(origin, host string) bool {
	origin = strings.ToLower(origin)
	scheme, name, ok := strings.Cut(origin, "://")
	if ok && name != "" && (name == strings.ToLower(host) || isLoopback(name)) {
		return true
	}
	for _, allowed := range o {
		if allowed == "*" || allowed == origin {
			return true
		}
		// One * stands for the labels before a domain, not for a port or another domain.
		before, after, wild := strings.Cut(allowed, "*")
		if wild && before == scheme+"://" && len(name) > len(after) && strings.HasSuffix(name, after) {
			return true
		}
	}
	return false
}

// isLoopback tells whether a host, with its port, is this machine's own.
func isLoopback(host string) bool {
	if after, ok := strings.CutPrefix(host, "[::1]"); ok {
		return after == "" || after[0] == ':'
	}
	name, _, _ := strings.Cut(host, ":")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	rest, ok := strings.CutPrefix(name, "127.")
	return ok && strings.Trim(rest, "0123456789.") == "" && strings.Count(rest, ".") == 2
}

// page is what is known of the web page that a request comes from.
type page struct {
	// origin is the page's, "" where no page has sent the request.
	origin string
	// allowed: it may read our replies.
	allowed bool
}

// pageOf reads the page of a request.
func (g *Gateway) pageOf(header func(name string) string) (p page) {
	if p.origin = header("origin"); p.origin != "" {
		host := header("host")
		if host == "" {
			host = header(":authority")
		}
		p.allowed = g.origins.allow(p.origin, host)
	}
	return p
}

// PageFields are the fields of a reply to a request by which its web page's browser knows
// whether the page may read it: for an edge that makes replies without an Exchange. header is
// as in Head.
func (g *Gateway) PageFields(header func(name string) string) [][2]string {
	return g.pageOf(header).fields("")
}

// fields are what our replies say to the page's browser. vary is what a reply varies by.
func (p page) fields(vary string) [][2]string {
	switch {
	case p.origin == "":
		return nil
	case vary == "":
		vary = "origin"
	default:
		vary += ", origin"
	}
	if !p.allowed {
		return [][2]string{{"vary", vary}}
	}
	return [][2]string{{"access-control-allow-origin", p.origin}, {"access-control-expose-headers", "*"}, {"vary", vary}}
}

// corsPrefix begins the names of all fields by which a server allows pages something.
var corsPrefix = []string{"access-control-"}

// sign gives a reply of our own what it says to the page's browser.
func (p page) sign(a *hub.Answer) *hub.Answer {
	a.Header = append(a.Header[:len(a.Header):len(a.Header)], p.fields("")...)
	return a
}

// preflight answers a browser that asks whether a page may send a request, nil for no such
// question. What the page may do is up to the key that its request will have, so that an
// allowed origin may send any method and field. passed: the request would be passed on, and
// whether it may be sent is the server's to say.
func (p page) preflight(head Head, passed bool) (*hub.Answer, *hub.Problem) {
	asked := ""
	if head.Method == "OPTIONS" && p.origin != "" {
		asked = head.Header("access-control-request-method")
	}
	switch {
	case asked == "":
		return nil, nil
	case !p.allowed:
		return nil, &hub.Problem{Status: 403, Type: hub.TypeInvalidRequest, Reason: "origin",
			Message: "Web pages of the origin " + hub.Excerpt(p.origin) + " may not use this gateway (cors.origins)."}
	case passed:
		return nil, nil
	}
	a := &hub.Answer{Status: 204, Header: [][2]string{
		{"access-control-allow-origin", p.origin}, {"access-control-allow-methods", asked}, {"access-control-max-age", "600"},
		{"vary", "origin, access-control-request-method, access-control-request-headers"},
	}}
	if names := head.Header("access-control-request-headers"); names != "" {
		a.Header = append(a.Header, [2]string{"access-control-allow-headers", names})
	}
	if head.Header("access-control-request-private-network") == "true" {
		a.Header = append(a.Header, [2]string{"access-control-allow-private-network", "true"})
	}
	return a, nil
}
