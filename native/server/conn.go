package server

import (
	"context"
	"net"
)

// conn is a client's connection whose writes can be gathered into one. Between
// cork and uncork only the handler's goroutine writes, as in HTTP/1.
type conn struct {
	*net.TCPConn
	held   *buffer
	corked bool
}

type connKey struct{}

// listener hands out conns.
type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &conn{TCPConn: tcp}, err
	}
	return c, err
}

// connContext is for http.Server's field of that name.
func connContext(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*conn); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

func (c *conn) Write(p []byte) (int, error) {
	if !c.corked {
		return c.TCPConn.Write(p)
	}
	c.held.b = append(c.held.b, p...)
	return len(p), nil
}

func (c *conn) cork() {
	c.held = newBuffer(2 * batch)
	c.corked = true
}

// uncork writes what was held. An error shows again at the next write.
func (c *conn) uncork() {
	c.corked = false
	_, _ = c.TCPConn.Write(c.held.b)
	c.held.free()
	c.held = nil
}
