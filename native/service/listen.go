package service

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/systemd"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// listening is where a run takes connections.
type listening struct {
	sockets []net.Listener
	// handed: systemd has them, whatever the configuration says.
	handed bool
	// loopback: only this machine reaches them.
	loopback bool
}

// listen binds what a configuration says, unless systemd hands sockets over. bind, if given,
// binds in the place of both.
func listen(c *config.Config, bind func(address string) (net.Listener, error)) (*listening, error) {
	a := settings.AddressOf(c)
	l := &listening{loopback: a.Loopback()}
	if bind == nil {
		handed, err := systemd.Sockets()
		if err != nil {
			return nil, err
		}
		if len(handed) > 0 {
			return fromSystemd(handed), nil
		}
		bind = func(address string) (net.Listener, error) {
			if a.Path != "" {
				return listenUnix(a.Path)
			}
			return net.Listen("tcp", address)
		}
	}
	socket, err := bind(a.String())
	if err != nil {
		return nil, err
	}
	l.sockets = []net.Listener{socket}
	return l, nil
}

func fromSystemd(sockets []net.Listener) *listening {
	l := &listening{sockets: sockets, handed: true, loopback: true}
	for _, s := range sockets {
		if tcp, ok := s.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
			l.loopback = false
		}
	}
	return l
}

func (l *listening) String() string {
	names := make([]string, len(l.sockets))
	for i, s := range l.sockets {
		names[i] = s.Addr().String()
		if s.Addr().Network() == "unix" {
			names[i] = settings.Address{Path: names[i]}.String()
		}
	}
	return strings.Join(names, " ")
}

func (l *listening) close() {
	for _, s := range l.sockets {
		_ = s.Close()
	}
}

// socketMode lets the owner and the group connect.
const socketMode = 0o660

// listenUnix binds a Unix socket. Where a process has died over it, the path is taken over.
func listenUnix(path string) (net.Listener, error) {
	ln, err := net.Listen("unix", path)
	if err != nil {
		if err = removeStale(path, err); err == nil {
			ln, err = net.Listen("unix", path)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		_ = ln.Close()
		return nil, err
	}
	return ln, nil
}

func notASocket(path string) error {
	return fmt.Errorf("listen unix:%s: there is a file that is no socket: remove it, or name another path", path)
}

// removeStale removes the socket at a path where nobody answers on it. Else it says why path
// can't be bound; failed is what binding it gave.
func removeStale(path string, failed error) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return failed
	case info.Mode()&fs.ModeSocket == 0:
		return notASocket(path)
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		_ = c.Close()
		return fmt.Errorf("listen unix:%s: another process serves on this socket", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("listen unix:%s: there is a socket, and whether a process serves on it is not known: %w", path, err)
	}
	return os.Remove(path)
}
