package systemd

import (
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
)

// Sockets are the listening ones that a socket unit hands over (sd_listen_fds(3)), none where
// there is no such unit. They are handed over once.
func Sockets() ([]net.Listener, error) {
	sockets, err := activation.Listeners()
	if err != nil {
		return nil, err
	}
	for i, s := range sockets {
		if s == nil {
			return nil, fmt.Errorf("socket %d of %d that systemd hands over takes no connections: "+
				"ListenStream= in the .socket unit makes one that does", i+1, len(sockets))
		}
	}
	return sockets, nil
}
