package service

import (
	"fmt"
	"time"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/systemd"
)

// reload puts the configuration of now in force. A bad one leaves the old one there.
func (s *service) reload(why string) {
	systemd.Reloading()
	defer func() {
		systemd.Ready()
		s.status()
	}()
	c, err := s.options.Load()
	if err == nil {
		err = s.handler.Reload(c)
	}
	if err == nil {
		s.archive.Reload(c)
		limitHeap(c)
	}
	if err != nil {
		s.log.Error("configuration not reloaded, the old one stays in force", "why", why, "error", err.Error())
		return
	}
	if level, err := logging.ParseLevel(c.Log.Level); err == nil {
		s.level.Set(level)
	}
	for _, f := range []struct {
		key      string
		old, new any
	}{
		{"listen", s.config.Listen, c.Listen},
		{"port", s.config.Port, c.Port},
		{"log.format", s.config.Log.Format, c.Log.Format},
		{"store", settings.ShownStore(s.config), settings.ShownStore(c)},
		{"timeouts.header", time.Duration(s.config.Timeouts.Header), time.Duration(c.Timeouts.Header)},
	} {
		if f.old != f.new {
			s.log.Warn("this change needs a restart", "setting", f.key, "in_force", fmt.Sprint(f.old), "configured", fmt.Sprint(f.new))
		}
	}
	s.log.Info("configuration reloaded", "why", why)
	s.warn(c)
}
