package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/qwenvoy/qwenvoy/native/certificate"
	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/systemd"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// A reloader reads the configuration beside the service's loop: whatever stands in the file,
// and however long that takes, signals are obeyed meanwhile.
type reloader struct {
	options *Options
	files   *files
	done    chan reloaded
	busy    bool
	again   string // why another is to follow; "" for none
}

// reloaded is what a reading has come to.
type reloaded struct {
	why    string
	same   bool // the file has not changed: there is nothing to do
	config *config.Config
	err    error
	// certificates are what is to be shown from now on, whatever becomes of the configuration;
	// nil for the same as before.
	certificates *certificate.Set
}

const (
	bySignal = "SIGHUP"
	byChange = "changed file"
)

// begin starts a reading, or has one follow that which is under way.
func (r *reloader) begin(why string) {
	if r.busy {
		if r.again != bySignal { // which asks for more than a change does
			r.again = why
		}
		return
	}
	r.busy = true
	go func() { r.done <- r.read(why) }() // there is room for it, should nobody wait any more
}

func (r *reloader) read(why string) reloaded {
	// Remembered before it is read, so that no change is missed; this reload takes it over.
	if changed := r.files.changed(); !changed && why == byChange {
		return reloaded{why: why, same: true}
	}
	if r.files.pipe() {
		return reloaded{why: why, err: errors.New(r.files.config + " is a pipe, which can be read but once")}
	}
	c, err := r.options.Load()
	done := reloaded{why: why, config: c, err: err}
	// A configuration that can't be had holds no renewed certificate up.
	tls := r.files.tls
	if err == nil {
		tls = c.TLS
	}
	if tls.Cert != "" {
		if done.certificates, err = certificate.Read(&tls); done.err == nil {
			done.err = err
		}
	}
	return done
}

// ended makes room for the next reading, and starts it if one is to follow.
func (r *reloader) ended() {
	r.busy = false
	if why := r.again; why != "" {
		r.again = ""
		r.begin(why)
	}
}

// reload begins to put the configuration of now in force; apply ends it.
func (s *service) reload(why string) {
	if why == bySignal {
		systemd.Reloading()
	}
	s.reloader.begin(why)
}

// apply puts a configuration that was read in force. A bad one leaves the old one there.
func (s *service) apply(r reloaded) {
	defer s.reloader.ended()
	if r.same {
		return
	}
	if r.why == byChange {
		systemd.Reloading()
	}
	defer func() {
		if s.reloader.again == "" {
			systemd.Ready()
			s.status()
		}
	}()
	s.renew(r.certificates)
	c, err, why := r.config, r.err, r.why
	if err == nil {
		err = s.handler.Reload(s.known(c))
	}
	if err != nil {
		for _, fault := range faults(err) {
			s.log.Error("configuration not reloaded, the old one stays in force", "why", why, "error", logging.Checked(fault))
		}
		return
	}
	s.archive.Reload(c)
	s.files.follow(c, s.log)
	if level, err := logging.ParseLevel(c.Log.Level); err == nil {
		s.level.Set(level)
	}
	for _, f := range []struct {
		key      string
		old, new any
	}{
		{"listen", settings.AddressOf(s.config).String(), settings.AddressOf(c).String()},
		{"tls.cert", onOff(s.config.TLS), onOff(c.TLS)},
		{"log.format", s.config.Log.Format, c.Log.Format},
		{"store", settings.ShownStore(s.config), settings.ShownStore(c)},
		{"timeouts.header", time.Duration(s.config.Timeouts.Header), time.Duration(c.Timeouts.Header)},
	} {
		if f.old != f.new && !(f.key == "listen" && s.listening.handed) {
			s.log.Warn("this change needs a restart", "setting", f.key, "in_force", fmt.Sprint(f.old), "configured", fmt.Sprint(f.new))
		}
	}
	s.log.Info("configuration reloaded", "why", why)
	s.warn(c)
	s.ask(c)
}

// onOff says whether TLS is spoken, which can't change.
func onOff(c config.TLS) string {
	if c.Cert == "" {
		return "none"
	}
	return "one"
}

// faults are the lines of an error, a line of the log each.
func faults(err error) []string {
	var errs config.Errors
	if errors.As(err, &errs) {
		return errs.Lines()
	}
	return []string{err.Error()}
}
