package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"

	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// A place is where a server is said to be.
type place struct{ url *url.URL }

// address is the server's, without what may be a secret.
func (p place) address() string { return redact.Target(p.url.Scheme + "://" + p.url.Host) }

// dial opens a connection to the server's own address.
func (p place) dial(ctx context.Context) (net.Conn, error) {
	port := p.url.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[p.url.Scheme]
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(p.url.Hostname(), port))
	if err != nil {
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	return conn, nil
}

// speaksTLS tries a handshake. Nothing is sent over it, so that it does not matter whose the
// certificate is.
func (p place) speaksTLS(ctx context.Context) bool {
	conn, err := p.dial(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	err = tls.Client(conn, &tls.Config{ServerName: p.url.Hostname(), InsecureSkipVerify: true}).HandshakeContext(ctx)
	var alert tls.AlertError
	return err == nil || errors.As(err, &alert)
}

// speaksHTTP sends a request without its key over a plain connection.
func (p place) speaksHTTP(ctx context.Context) bool {
	conn, err := p.dial(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	var head [5]byte
	_, err = io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: "+p.url.Host+"\r\nConnection: close\r\n\r\n")
	if err == nil {
		_, err = io.ReadFull(conn, head[:])
	}
	return err == nil && string(head[:]) == "HTTP/"
}
