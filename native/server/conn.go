package server

import (
	"context"
	"net"
	"sync"
)

// conn is a client's connection whose writes can be gathered into one. Between
// cork and uncork only the handler's goroutine writes, as in HTTP/1.
type conn struct {
	duplex
	leave  func() // gives its place at the listener back
	held   *buffer
	corked bool
}

// duplex is a connection of TCP or of a Unix socket, of which net/http closes one half first.
type duplex interface {
	net.Conn
	CloseWrite() error
}

type connKey struct{}

// listener hands out conns, as many at once as there are places.
type listener struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	leave := sync.OnceFunc(func() { <-l.places })
	c, err := l.Listener.Accept()
	both, ok := c.(duplex)
	if !ok {
		leave()
		return c, err
	}
	return &conn{duplex: both, leave: leave}, err
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func (c *conn) Close() error {
	defer c.leave()
	return c.duplex.Close()
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
		return c.duplex.Write(p)
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
	_, _ = c.duplex.Write(c.held.b)
	c.held.free()
	c.held = nil
}
