package service

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// ErrInUse is the fault of an address that somebody has already.
var ErrInUse = errors.New("is in use, by this gateway if it runs")

// Trial tells what would keep a run of a valid configuration from starting, here and for this
// user: it tries to bind the address and to write the folder, and leaves nothing of either. bind,
// if given, binds. None of it need be the configuration's fault: a service that runs has its
// address, and who checks a file is seldom who serves by it.
func Trial(c *config.Config, bind func(address string) (net.Listener, error)) (found []error) {
	a := settings.AddressOf(c)
	if err := tryAddress(a, bind); errors.Is(err, syscall.EADDRINUSE) {
		found = append(found, fmt.Errorf("%s %w", a, ErrInUse))
	} else if err != nil {
		found = append(found, err)
	}
	if c.Store.Folder != "" {
		if err := store.TryFolder(c.Store.Folder); err != nil {
			found = append(found, err)
		}
	}
	return found
}

func tryAddress(a settings.Address, bind func(address string) (net.Listener, error)) error {
	if bind == nil {
		bind = func(address string) (net.Listener, error) {
			if a.Path != "" {
				return net.Listen("unix", a.Path)
			}
			return net.Listen("tcp", address)
		}
	}
	ln, err := bind(a.String())
	if err == nil {
		return ln.Close()
	}
	if a.Path == "" || !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	// What a process has left behind is taken over; a file of another kind is not.
	if info, stat := os.Lstat(a.Path); stat == nil && info.Mode()&fs.ModeSocket == 0 {
		return notASocket(a.Path)
	}
	if c, dial := net.Dial("unix", a.Path); dial == nil {
		_ = c.Close()
		return err
	}
	return nil
}
