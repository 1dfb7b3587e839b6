package service

import (
	"net/http"
	"os"
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

// reportEvery is how often a drain says what it waits for.
const reportEvery = 10 * time.Second

// A drain is the end of a run: load balancers are told and given time, then what runs may finish.
type drain struct {
	*service
	underWay underWay
	// now is closed when a second signal wants the end at once.
	now chan struct{}
	// finished is closed when there is nothing more to wait for.
	finished chan struct{}
}

// drain ends the run. sig is the signal that asked for it, nil for none.
func (s *service) drain(srv *http.Server, sig os.Signal) {
	d := &drain{service: s, underWay: underWay{s.handler, s.state}, now: make(chan struct{}), finished: make(chan struct{})}
	delay := d.delay(sig)
	limit := time.Duration(s.handler.Config().Timeouts.Drain)
	s.log.Info("stopping", "signal", name(sig), "in_flight", d.underWay.InFlight(), "drain_delay", delay.String(), "drain", limit.String())
	systemd.Stopping()
	s.handler.Leave()
	s.state.Drain()
	go d.obey()
	go d.report()
	d.wait(delay)
	cut := server.Drain(srv, d.underWay, limit, d.now)
	close(d.finished)
	s.log.Info("stopped", "ended_early", cut)
}

func name(sig os.Signal) string {
	if sig == nil {
		return "none"
	}
	return sig.String()
}

// delay is how long requests are still accepted, so that load balancers notice before a
// connection is refused: not at all where none asks, nor for who pressed Ctrl-C.
func (d *drain) delay(sig os.Signal) time.Duration {
	if sig == nil || sig == os.Interrupt || !d.handler.Watched() {
		return 0
	}
	return time.Duration(d.handler.Config().Timeouts.DrainDelay)
}

func (d *drain) wait(delay time.Duration) {
	if delay == 0 {
		return
	}
	over := time.NewTimer(delay)
	defer over.Stop()
	select {
	case <-over.C:
	case <-d.now:
	}
}

// obey acts on a second signal, which ends the drain at once.
func (d *drain) obey() {
	for {
		select {
		case sig := <-d.signals:
			if sig == syscall.SIGHUP {
				continue
			}
			d.log.Warn("second signal: ending what still runs", "in_flight", d.underWay.InFlight())
			close(d.now)
			return
		case <-d.finished:
			return
		}
	}
}

// report says again and again what is waited for, and asks systemd for time until it does so
// next: a drain that hangs is not waited for without an end.
func (d *drain) report() {
	every := d.options.reportEvery
	if every == 0 {
		every = reportEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	watchdog, stop := watchdogTicks()
	defer stop()
	systemd.ExtendTimeout(3 * every)
	for {
		select {
		case <-d.finished:
			return
		case <-watchdog:
			systemd.Watchdog()
		case <-tick.C:
			systemd.ExtendTimeout(3 * every)
			d.log.Info("draining", "in_flight", d.underWay.InFlight(), "oldest_ms", d.handler.Oldest().Milliseconds())
		}
	}
}
