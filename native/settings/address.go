package settings

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// An Address is where a gateway listens.
type Address struct {
	// Host is a name or an address, "" for all of the machine's.
	Host string
	Port int
	// Path is a Unix socket's, in the place of both.
	Path string

	scheme string // "http://" or "https://" where the text has one
}

const unixPrefix = "unix:"

// AddressOf is where a configuration that Load has made says to listen.
func AddressOf(c *config.Config) Address {
	if path, ok := strings.CutPrefix(c.Listen, unixPrefix); ok {
		return Address{Path: path}
	}
	return Address{Host: c.Listen, Port: c.Port}
}

func (a Address) String() string {
	if a.Path != "" {
		return unixPrefix + a.Path
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
}

// Loopback tells whether only this machine reaches the address.
func (a Address) Loopback() bool { return a.Path != "" || config.Loopback(a.Host) }

// ParseAddress reads an address as people write it: a host, a port, both, with http:// before
// it, or unix: and a path. Its port is 0 where it names none.
func ParseAddress(text string) (a Address, fault *config.Error) {
	if path, ok := strings.CutPrefix(text, unixPrefix); ok {
		path = strings.TrimPrefix(path, "//")
		switch most := len(syscall.RawSockaddrUnix{}.Path) - 1; {
		case path == "" || path[0] == '@' || strings.IndexByte(path, 0) >= 0:
			return a, config.Fault("listen", "%q is not allowed here, the path of a socket such as unix:/run/qwenvoy/qwenvoy.sock is", text)
		case len(path) > most:
			return a, config.Fault("listen", "the path of a socket may have %d bytes, this one has %d", most, len(path))
		}
		return Address{Path: path}, nil
	}
	rest, port, hasPort := text, "", false
	for _, scheme := range [...]string{"http://", "https://"} {
		if after, ok := strings.CutPrefix(rest, scheme); ok {
			rest, a.scheme = strings.TrimSuffix(after, "/"), scheme
			break
		}
	}
	if strings.Trim(rest, "[]") == "" && text != "" {
		return a, notAnAddress(text) // it names none, and is not taken for all
	}
	switch _, err := netip.ParseAddr(rest); {
	case err == nil: // one of IPv6, too, without brackets
	case rest != "" && strings.Trim(rest, "0123456789") == "":
		rest, port, hasPort = config.Default().Listen, rest, true
	case strings.Contains(rest, ":") && !strings.HasSuffix(rest, "]"):
		var err error
		if rest, port, err = net.SplitHostPort(rest); err != nil {
			return a, notAnAddress(text)
		}
		hasPort = true
	default:
		rest = strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]")
	}
	if rest == "*" {
		rest = ""
	}
	if hasPort {
		var err error
		switch a.Port, err = strconv.Atoi(port); {
		case port == "" || strings.Trim(port, "0123456789") != "":
			return a, notAnAddress(text)
		case err != nil || a.Port < 1 || a.Port > 65535:
			return a, config.Fault("listen", "the port %s is not allowed here, 1 to 65535 is", port)
		}
	}
	if _, err := netip.ParseAddr(rest); err != nil && rest != "" && !isName(rest) || rest == "systemd" {
		return a, notAnAddress(text)
	}
	a.Host = rest
	return a, nil
}

// isName tells whether a text can be the name of a host. What ends in a number is none.
func isName(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(last, "0123456789") != "" && !strings.ContainsFunc(host, func(r rune) bool {
		return (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	})
}

func notAnAddress(text string) *config.Error {
	return config.Fault("listen", "%q is not allowed here, a host, host:port, [::1]:port, :port for all addresses, or unix:/path is; "+
		"sockets that systemd hands over are served without a setting", text)
}

// takeListen brings listen and port into one form: of the two ports that they may name, the one
// of the source that goes before counts.
func (g *gathering) takeListen() error {
	c := g.config
	a, fault := ParseAddress(c.Listen)
	if fault != nil {
		return fault
	}
	var errs config.Errors
	switch {
	case a.scheme == "https://" && c.TLS.Cert == "":
		errs.Add("listen", "https:// needs a certificate: tls.cert and tls.key name it")
	case a.scheme == "http://" && c.TLS.Cert != "":
		errs.Add("listen", "http:// is not allowed here, since tls.cert has the gateway speak https://")
	}
	listen, port := g.ranks["listen"], g.ranks["port"]
	switch {
	case a.Path != "":
		c.Listen = unixPrefix + a.Path
		return nil
	case a.Port == 0 || port > listen:
	case port == listen && port > byDefault && c.Port != a.Port:
		errs.Add("port", "%d is not allowed here, since listen names the port %d: leave one of the two out", c.Port, a.Port)
	default:
		c.Port = a.Port
		g.where["port"] = g.where["listen"]
	}
	c.Listen = a.Host
	return errs.Err()
}
