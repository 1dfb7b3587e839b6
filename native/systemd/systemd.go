// Package systemd tells the service manager how the binary is doing (sd_notify(3)), and takes the
// sockets that it hands over.
// Outside a unit every call does nothing.
//
// It imports nothing of this module.
package systemd

import (
	"strconv"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready says that the port is bound and requests are served.
func Ready() { notify(daemon.SdNotifyReady) }

// Reloading says that the configuration is being read again; Ready ends it.
func Reloading() { notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec()) }

// Stopping says that the shutdown has begun.
func Stopping() { notify(daemon.SdNotifyStopping) }

// Status sets the one line that `systemctl status` shows.
func Status(s string) { notify("STATUS=" + s) }

// ExtendTimeout asks for d more before the manager loses patience with the shutdown.
func ExtendTimeout(d time.Duration) {
	notify("EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(d.Microseconds(), 10))
}

// Watchdog reports being alive.
func Watchdog() { notify(daemon.SdNotifyWatchdog) }

// WatchdogInterval is how often Watchdog has to be called: half of the unit's
// WatchdogSec; 0 when the unit asks for none.
func WatchdogInterval() time.Duration {
	d, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return 0
	}
	return d / 2
}

// A lost notification is not worth failing a request for: systemd acts on its absence.
func notify(state string) { _, _ = daemon.SdNotify(false, state) }
