package gateway

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// hosts are the names that requests may be sent to, in lower case, besides this machine's; nil
// for any. A page whose name has come to mean our address (DNS rebinding) is of one origin with
// us to its browser: the name that it calls us by gives it away.
type hosts []string

// newHosts are those that a configuration names. An edge that only its own machine can reach
// has no others, even where none is named.
func newHosts(c *config.Config, loopback bool) hosts {
	if len(c.AllowedHosts) == 0 && !loopback {
		return nil
	}
	h := hosts{}
	for _, name := range c.AllowedHosts {
		h = append(h, strings.ToLower(name))
	}
	return h
}

// serve tells whether requests to a host, with or without a port, are served. One that names
// none is no browser's.
func (h hosts) serve(host string) bool {
	if h == nil || host == "" {
		return true
	}
	name := strings.TrimSuffix(strings.ToLower(withoutPort(host)), ".")
	if config.Loopback(name) {
		return true
	}
	for _, allowed := range h {
		if allowed == "*" || allowed == name {
			return true
		}
		if domain, wild := strings.CutPrefix(allowed, "*"); wild && isBelow(name, domain) {
			return true
		}
	}
	return false
}

// hostOf reads the host that a request is sent to.
func hostOf(header func(name string) string) string {
	if host := header("host"); host != "" {
		return host
	}
	return header(":authority")
}

// withoutPort is a host without its port; an address of IPv6 keeps its brackets.
func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') && strings.Trim(host[i+1:], "0123456789") == "" {
		return host[:i]
	}
	return host
}

// isBelow tells whether a host ends in a domain, which begins with a dot, and is more than that.
func isBelow(host, domain string) bool {
	return len(host) > len(domain) && strings.HasSuffix(host, domain)
}

// isPlain tells whether a target can stand in a request line, and is one path to all who read
// it: uvicorn's parser cuts at a #, and Starlette's routes end before a last line feed, escaped
// ones too. Both would serve another path than was looked at here.
func isPlain(target string) bool {
	path := true
	for i := range len(target) {
		c := target[i]
		switch {
		case c <= ' ' || c == 0x7f || c == '#', path && isEscapedControl(target[i:]):
			return false
		case c == '?':
			path = false
		}
	}
	return true
}

// isEscapedControl tells whether text begins with the escape of a control character.
func isEscapedControl(text string) bool {
	if len(text) < 3 || text[0] != '%' {
		return false
	}
	low := strings.IndexByte("0123456789abcdef", text[2]|0x20) >= 0
	return low && (text[1] == '0' || text[1] == '1') || text[1] == '7' && text[2]|0x20 == 'f'
}

// refuse says why a request is not served, whatever its route.
func (g *Gateway) refuse(head Head, p page) *hub.Problem {
	switch head.Method {
	case "CONNECT", "TRACE", "TRACK", "PRI":
		// A tunnel; two that reflect a request, our key with it; the beginning of HTTP/2.
		return &hub.Problem{Status: 405, Type: hub.TypeInvalidRequest, Reason: "method_not_allowed",
			Header: [][2]string{{"allow", "GET, POST, HEAD, OPTIONS, PUT, PATCH, DELETE"}}, Message: head.Method + " is not served on any path."}
	}
	if head.Path != "" && head.Path[0] != '/' && head.Path != "*" {
		return &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Reason: "bad_target",
			Message: "The request's target is a whole URL, as for a forward proxy, which this is not. Send the path alone."}
	}
	if !isPlain(head.Path) {
		return &hub.Problem{Status: 400, Type: hub.TypeInvalidRequest, Reason: "bad_target",
			Message: "The request's path or query holds a #, a space or a control character: escape it, or leave it out (in a path)."}
	}
	if host := hostOf(head.Header); !g.hosts.serve(host) {
		return &hub.Problem{Status: 403, Type: hub.TypeInvalidRequest, Reason: "host",
			Message: "Requests to the host " + hub.Excerpt(host) + " are not served here, unless allowed_hosts names it, without a port."}
	}
	return p.refuse(head, g.origins)
}

// Settles tells whether Open answers a request whatever its route is: it is refused, or a
// browser's question. An edge that serves some routes without an Exchange looks here first.
func (g *Gateway) Settles(head Head) bool {
	p := g.pageOf(head.Header)
	return p.asks(head) || g.refuse(head, p) != nil
}
