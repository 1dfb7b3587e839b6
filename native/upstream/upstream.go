// Package upstream is the binary's HTTP client for the server behind it: the join
// of its address with a request's path, the connections, redirects mended so that
// no client is led past the gateway, and the model's window.
//
// It imports shared/config for the timeouts, shared/hub for the edits of headers, and
// nothing else of this module.
package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Client sends requests to one upstream. It is safe for concurrent use.
type Client struct {
	// Transport is for what is passed through, upgrades included.
	Transport http.RoundTripper
	direct    *pool // the way of Send; nil: it takes Transport
	base      *url.URL
	host      string // without the scheme's default port
	prefix    string // path in front of every request's path, no slash at its end
	idle      *http.Transport
}

// Parse reads a server's address. The error does not show it, as it may hold a password.
func Parse(target string) (*url.URL, error) {
	u, err := url.Parse(target)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return nil, errors.New("an address such as http://127.0.0.1:8000 is wanted (the value is not shown)")
	case u.User != nil:
		return nil, errors.New("a user and password are not allowed here (the address is not shown), a key goes into api_key")
	}
	return u, nil
}

// New makes a client for an upstream's URL, such as http://127.0.0.1:8000/prefix?x=1; a /v1 at
// the end of its path is cut off.
func New(target string, t config.Timeouts) (*Client, error) {
	u, err := Parse(target)
	if err != nil {
		return nil, err
	}
	tr := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{
			Timeout:   time.Duration(t.Connect),
			KeepAlive: 30 * time.Second,
		}).DialContext,
		TLSHandshakeTimeout: time.Duration(t.Connect),
		// All go to one host, so the limit per host is the limit.
		MaxIdleConns:        0,
		MaxIdleConnsPerHost: 1 << 14,
		// uvicorn closes a connection after 5 s without a request. A POST that meets
		// that close can't be told from one that was run, so ours must be gone before.
		IdleConnTimeout:       time.Duration(t.UpstreamIdle),
		ResponseHeaderTimeout: time.Duration(t.FirstByte),
		// What the client accepts is what the upstream is asked for.
		DisableCompression: true,
		// vLLM speaks HTTP/1.1 only.
		ForceAttemptHTTP2: false,
	}
	tr.Protocols = new(http.Protocols)
	tr.Protocols.SetHTTP1(true)
	c := &Client{
		Transport: tr,
		base:      u,
		host:      withoutDefaultPort(u.Host, u.Scheme),
		prefix:    prefixOf(u),
		idle:      tr,
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil {
		// Without the cause, which shows the address with its password.
		return nil, errors.New("HTTP_PROXY or HTTPS_PROXY of the environment is no address")
	}
	if u.Scheme == "http" && proxy == nil {
		address := u.Host
		if u.Port() == "" {
			address = net.JoinHostPort(u.Hostname(), "80")
		}
		c.direct = &pool{
			address:   address,
			dialer:    net.Dialer{Timeout: time.Duration(t.Connect), KeepAlive: 30 * time.Second},
			keep:      time.Duration(t.UpstreamIdle),
			firstByte: time.Duration(t.FirstByte),
		}
	}
	return c, nil
}

// prefixOf is the path in front of every request's path. A /v1 at its end is cut off: that is
// how a base URL is written for clients, but /tokenize lies beside /v1, not in it.
func prefixOf(u *url.URL) string {
	return strings.TrimRight(strings.TrimSuffix(strings.TrimRight(u.EscapedPath(), "/"), "/v1"), "/")
}

// Close drops the connections that no request uses.
func (c *Client) Close() {
	c.idle.CloseIdleConnections()
	if c.direct != nil {
		c.direct.close()
	}
}

// Host is the value of the Host field for the upstream.
func (c *Client) Host() string { return c.base.Host }

// Target joins a request's path, with its query, to the upstream's: the
// upstream's path comes in front, its query before the request's.
func (c *Client) Target(target string) string {
	if c.prefix == "" && c.base.RawQuery == "" {
		return target
	}
	path, query, has := strings.Cut(target, "?")
	path = c.prefix + path
	if c.base.RawQuery != "" {
		path += "?" + c.base.RawQuery
		if query != "" {
			path += "&" + query
		}
	} else if has {
		path += "?" + query
	}
	return path
}

// URL is the upstream's address with the joined Target.
func (c *Client) URL(target string) *url.URL {
	target = c.Target(target)
	u := &url.URL{Scheme: c.base.Scheme, Host: c.base.Host}
	if strings.HasPrefix(target, "//") {
		// An opaque part with two slashes would be written as an absolute URL.
		path, query, has := strings.Cut(target, "?")
		if p, err := url.PathUnescape(path); err == nil {
			u.Path, u.RawPath, u.RawQuery, u.ForceQuery = p, path, query, has && query == ""
			return u
		}
	}
	// Opaque goes out byte for byte, escapes and query included.
	u.Opaque = target
	return u
}

// Location mends the target of an upstream's redirect: a URL on the upstream
// itself, or on the host that the client called, becomes a path of the gateway;
// others stay. clientHost is the client's Host field.
func (c *Client) Location(location, clientHost string) string {
	u, err := url.Parse(location)
	if err != nil {
		return location
	}
	if u.Host != "" {
		scheme := u.Scheme
		if scheme == "" {
			scheme = c.base.Scheme
		}
		h := withoutDefaultPort(u.Host, scheme)
		if !strings.EqualFold(h, c.host) && !strings.EqualFold(h, clientHost) && !strings.EqualFold(u.Host, clientHost) {
			return location
		}
	} else if u.Opaque != "" || !strings.HasPrefix(u.Path, "/") {
		return location
	}
	path := u.EscapedPath()
	if c.prefix != "" {
		if rest, ok := strings.CutPrefix(path, c.prefix); ok && (rest == "" || rest[0] == '/') {
			path = rest
		}
	}
	// "//x" alone would mean a host.
	path = "/" + strings.TrimLeft(path, "/")
	if u.RawQuery != "" || u.ForceQuery {
		path += "?" + u.RawQuery
	}
	if f := u.EscapedFragment(); f != "" {
		path += "#" + f
	}
	return path
}

func withoutDefaultPort(host, scheme string) string {
	switch scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// Hop-by-hop fields of RFC 9110 §7.6.1 and the ones that older proxies add.
var hopByHop = map[string]bool{
	"Connection":          true,
	"Keep-Alive":          true,
	"Proxy-Authenticate":  true,
	"Proxy-Authorization": true,
	"Proxy-Connection":    true,
	"Te":                  true,
	"Trailer":             true,
	"Transfer-Encoding":   true,
	"Upgrade":             true,
}

// CopyHeader adds the fields of src to dst but for those that concern one
// connection only, the ones that Connection names among them.
func CopyHeader(dst, src http.Header) {
	for name, values := range src {
		if !hopByHop[name] {
			dst[name] = values
		}
	}
	for _, v := range src["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				dst.Del(name)
			}
		}
	}
}

// EditHeader makes an edit.
func EditHeader(h http.Header, e hub.HeaderEdit) {
	for name := range h {
		if e.Drops(name) {
			delete(h, name)
		}
	}
	for _, f := range e.Set {
		h.Set(f[0], f[1])
	}
}

// Get fetches a path of the upstream, for the gateway's own questions.
func (c *Client) Get(ctx context.Context, path string, authorization string) (*http.Response, error) {
	r := &http.Request{
		Method: http.MethodGet, URL: c.URL(path), Host: c.Host(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept": {"application/json"}, "User-Agent": {"qwenvoy"}},
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return c.Transport.RoundTrip(r.WithContext(ctx))
}
