package gateway

import (
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// origins are the origins of web pages that may use the gateway: exact ones, such as
// https://app.example.com, those below a domain (https://*.example.com), or * for all; in
// lower case.
type origins []string

// newOrigins are those that a configuration names. No client needs a key of the gateway's
// own, so where none is named no other page may come.
func newOrigins(c *config.Config) (o origins) {
	for _, origin := range c.CORS.Origins {
		o = append(o, strings.ToLower(origin))
	}
	return o
}

// all: pages of whatever origin may use the gateway.
func (o origins) all() bool { return slices.Contains(o, "*") }

// allow tells whether a page may use the gateway. Those of the gateway's own origin and of
// this machine always may.
func (o origins) allow(origin, host string) bool {
	if o.all() {
		return true
	}
	origin = strings.ToLower(origin)
	if slices.Contains(o, origin) {
		return true
	}
	scheme, authority, ok := strings.Cut(origin, "://")
	if !ok || authority == "" || strings.ContainsAny(authority, "/?#,@ ") { // sent twice, or by no browser
		return false
	}
	if authority == strings.ToLower(host) || config.Loopback(withoutPort(authority)) {
		return true
	}
	for _, allowed := range o {
		if domain, wild := strings.CutPrefix(allowed, scheme+"://*"); wild && isBelow(authority, domain) {
			return true
		}
	}
	return false
}

// page is what is known of the web page that a request comes from.
type page struct {
	// origin is the page's, "" where no page has sent the request.
	origin string
	// allowed: it may use the gateway.
	allowed bool
}

// pageOf reads the page of a request.
func (g *Gateway) pageOf(header func(name string) string) (p page) {
	if p.origin = header("origin"); p.origin != "" {
		p.allowed = g.origins.allow(p.origin, hostOf(header))
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

// pagePrefixes begin the names of fields that do not reach a page: those of all servers that no
// client gets, and all by which a server allows pages something.
var pagePrefixes = append([]string{"access-control-"}, access.ServerPrefixes...)

// sign gives a reply of our own what it says to the page's browser.
func (p page) sign(a *hub.Answer) *hub.Answer {
	a.Header = append(a.Header[:len(a.Header):len(a.Header)], p.fields("")...)
	return a
}

// refuse says why a page may not have its request served, nil where it may or where no page
// has sent it.
func (p page) refuse(head Head, o origins) *hub.Problem {
	switch {
	case p.allowed:
		return nil
	case p.origin != "":
		return foreignPage("Web pages of the origin " + hub.Excerpt(p.origin) + " may not use this gateway (cors.origins).")
	case head.Header("sec-fetch-site") != "cross-site" || o.all() || isSafe(head):
		return nil
	}
	// Some browsers leave out the origin of a form's request, but not what kind of site it is from.
	return foreignPage("Web pages of other sites may not use this gateway (cors.origins).")
}

func foreignPage(message string) *hub.Problem {
	return &hub.Problem{Status: 403, Type: hub.TypeInvalidRequest, Reason: "origin", Message: message}
}

// isSafe tells whether a request changes nothing, by its method.
func isSafe(head Head) bool {
	switch head.Method {
	case "GET", "HEAD", "OPTIONS":
		return head.Header("upgrade") == ""
	}
	return false
}

// asks tells whether a page's browser asks if the page may send a request.
func (p page) asks(head Head) bool {
	return head.Method == "OPTIONS" && p.allowed && head.Header("access-control-request-method") != ""
}

// preflight answers a browser that asks. What the page may do is up to the key that its
// request will have, so that an allowed origin may send any method and field.
func (p page) preflight(head Head) *hub.Answer {
	a := &hub.Answer{Status: 204, Header: [][2]string{
		{"access-control-allow-origin", p.origin},
		{"access-control-allow-methods", head.Header("access-control-request-method")}, {"access-control-max-age", "600"},
		{"vary", "origin, access-control-request-method, access-control-request-headers"},
	}}
	if names := head.Header("access-control-request-headers"); names != "" {
		a.Header = append(a.Header, [2]string{"access-control-allow-headers", names})
	}
	if head.Header("access-control-request-private-network") == "true" {
		a.Header = append(a.Header, [2]string{"access-control-allow-private-network", "true"})
	}
	return a
}
