package service

import (
	"net/http"
	"syscall"
	"time"

	"github.com/qwenvoy/qwenvoy/native/responses"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/systemd"
)

// underWay is what a drain waits for: requests, and sockets and background responses,
// whose turns are requests too.
type underWay struct {
	*server.Handler
	state *responses.Handler
}

func (u underWay) InFlight() int64 { return max(u.Handler.InFlight(), u.state.InFlight()) }

// drain lets what runs finish. A second signal ends it at once.
func (s *service) drain(srv *http.Server) {
	systemd.Stopping()
	limit := time.Duration(s.handler.Config().Timeouts.Drain)
	systemd.ExtendTimeout(limit + 10*time.Second)
	now, finished := make(chan struct{}), make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-s.signals:
				if sig == syscall.SIGHUP {
					continue
				}
				s.log.Warn("second signal: ending what still runs", "in_flight", s.handler.InFlight())
				close(now)
				return
			case <-finished:
				return
			}
		}
	}()
	cut := server.Drain(srv, underWay{s.handler, s.state}, limit, now)
	close(finished)
	s.log.Info("stopped", "ended_early", cut)
}
