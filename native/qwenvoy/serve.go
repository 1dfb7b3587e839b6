package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/native/responses"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/native/systemd"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// service is one run of the gateway.
type service struct {
	config *config.Config
	// file is watched for changes, "" for none.
	file string
	// load gathers the configuration again; nil when it can't change.
	load func() (*config.Config, error)
	// serving is called with the bound address once requests are served.
	serving func(net.Addr)

	level    *slog.LevelVar
	log      *slog.Logger
	handler  *server.Handler
	state    *responses.Handler
	lastFile [sha256.Size]byte
}

const statusEvery = time.Minute

// serve runs the gateway until a signal ends it or ctx does.
func (p *process) serve(ctx context.Context, s service) error {
	level, err := logging.ParseLevel(s.config.Log.Level)
	if err != nil {
		return fmt.Errorf("load config: %w", err)
	}
	s.level = new(slog.LevelVar)
	s.level.Set(level)
	if s.log, err = logging.New(p.stderr, s.config.Log.Format, s.level); err != nil {
		return fmt.Errorf("load config: %w", err)
	}
	if s.handler, err = server.NewHandler(s.config, s.log); err != nil {
		return fmt.Errorf("load config: %w", err)
	}
	kept, err := openStore(s.config, s.log)
	if err != nil {
		return err
	}
	defer kept.Close()
	s.state = responses.New(s.handler, s.handler.BaseContext(nil), kept, s.config, s.log)
	defer s.state.Close()
	signals, stop := p.notifySignals()
	defer stop()

	listen := p.listen
	if listen == nil {
		listen = func(a string) (net.Listener, error) { return net.Listen("tcp", a) }
	}
	ln, err := listen(address(s.config))
	if err != nil {
		return err
	}
	srv := server.HTTP(s.handler, s.state, s.config, s.log)
	srv.RegisterOnShutdown(s.state.Drain)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(server.Listener(ln)) }()

	changes, unwatch := s.watch()
	defer unwatch()
	s.started(ln.Addr())
	if s.fileChanged() {
		s.reload("changed file")
	}
	status := time.NewTicker(statusEvery)
	defer status.Stop()
	var watchdog <-chan time.Time
	if d := systemd.WatchdogInterval(); d > 0 {
		t := time.NewTicker(d)
		defer t.Stop()
		watchdog = t.C
	}
	for {
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			s.drain(srv, signals)
			return nil
		case sig := <-signals:
			if sig == syscall.SIGHUP {
				s.fileChanged() // this reload takes it over
				s.reload("SIGHUP")
				continue
			}
			s.log.Info("stopping", "signal", sig.String(), "in_flight", s.handler.InFlight(), "drain", time.Duration(s.handler.Config().Timeouts.Drain).String())
			s.drain(srv, signals)
			return nil
		case <-changes:
			if s.fileChanged() {
				s.reload("changed file")
			}
		case <-status.C:
			s.status()
		case <-watchdog:
			systemd.Watchdog()
		}
	}
}

func (s *service) started(addr net.Addr) {
	s.warn(s.config)
	if s.load != nil {
		for _, name := range settings.UnknownVariables(os.Environ()) {
			s.log.Warn("unknown variable has no effect", "variable", name)
		}
	}
	u := s.config.Upstreams[0]
	s.log.Info("serving", "address", addr.String(), "upstream", redactedURL(u.URL), "upstream_model", u.Model, "store", shownStore(s.config), "version", thisBuild().version)
	systemd.Ready()
	s.status()
	if s.serving != nil {
		s.serving(addr)
	}
}

// warn says what of a configuration is valid but needs care.
func (s *service) warn(c *config.Config) {
	if s.level.Level() <= logging.LevelComplete {
		s.log.Warn("log level COMPLETE: bodies with prompts and answers go to the log")
	}
	if !loopback(c.Listen) {
		s.log.Warn("listening beyond loopback: whoever can reach this address can use the upstream", "listen", c.Listen)
	}
	if c.Envoy != (config.Envoy{}) {
		s.log.Info("the section envoy is for the filter and has no effect here")
	}
}

func (s *service) status() {
	modified, proxied := s.handler.Counts()
	systemd.Status(fmt.Sprintf("Modified %d requests on the %d proxified", modified, proxied))
}

func (s *service) reload(why string) {
	if s.load == nil {
		return
	}
	systemd.Reloading()
	defer func() {
		systemd.Ready()
		s.status()
	}()
	c, err := s.load()
	if err == nil {
		err = s.handler.Reload(c)
	}
	if err == nil {
		s.state.Reload(c)
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
		{"store", shownStore(s.config), shownStore(c)},
		{"timeouts.header", time.Duration(s.config.Timeouts.Header), time.Duration(c.Timeouts.Header)},
	} {
		if f.old != f.new {
			s.log.Warn("this change needs a restart", "setting", f.key, "in_force", fmt.Sprint(f.old), "configured", fmt.Sprint(f.new))
		}
	}
	s.log.Info("configuration reloaded", "why", why)
	s.warn(c)
}

// underWay is what a drain waits for: requests, and sockets and background responses,
// whose turns are requests too.
type underWay struct {
	*server.Handler
	state *responses.Handler
}

func (r underWay) InFlight() int64 { return max(r.Handler.InFlight(), r.state.InFlight()) }

func openStore(c *config.Config, log *slog.Logger) (store.Store, error) {
	return store.Open(store.Options{Redis: c.Store.Redis, Folder: c.Store.Folder, MaxAge: time.Duration(c.Store.MaxAge), MaxSize: int64(c.Store.MaxSize), Log: log})
}

// shownStore says where a store is, without what a URL may hold of keys.
func shownStore(c *config.Config) string {
	switch {
	case c.Store.Redis != "":
		return redactedURL(c.Store.Redis)
	case c.Store.Folder != "":
		return c.Store.Folder
	}
	return "memory"
}

// drain lets what runs finish. A second signal ends it at once.
func (s *service) drain(srv *http.Server, signals <-chan os.Signal) {
	systemd.Stopping()
	limit := time.Duration(s.handler.Config().Timeouts.Drain)
	systemd.ExtendTimeout(limit + 10*time.Second)
	now, finished := make(chan struct{}), make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-signals:
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

// debounce lets an editor finish its several writes to a file.
const debounce = 200 * time.Millisecond

// watch reports changes in the file's directory: editors and Kubernetes replace
// files and links rather than write to them, which a watch on the file would miss.
func (s *service) watch() (changes <-chan struct{}, stop func()) {
	if s.file == "" || s.load == nil {
		return nil, func() {}
	}
	w, err := fsnotify.NewWatcher()
	if err == nil {
		err = w.Add(filepath.Dir(s.file))
	}
	if err != nil {
		s.log.Warn("the configuration file is not watched; SIGHUP still reloads it", "error", err.Error())
		return nil, func() {}
	}
	ch := make(chan struct{}, 1)
	quiet := time.AfterFunc(time.Hour, func() {
		select {
		case ch <- struct{}{}:
		default:
		}
	})
	quiet.Stop()
	go func() {
		for {
			select {
			case _, ok := <-w.Events:
				if !ok {
					return
				}
				quiet.Reset(debounce)
			case _, ok := <-w.Errors:
				if !ok {
					return
				}
				quiet.Reset(debounce) // events may have been lost
			}
		}
	}()
	return ch, func() {
		quiet.Stop()
		_ = w.Close()
	}
}

// fileChanged reports whether the file's text differs from when it was last asked.
// A file that is gone for a moment has not changed.
func (s *service) fileChanged() bool {
	if s.file == "" {
		return false
	}
	text, err := os.ReadFile(s.file)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(text)
	changed := !bytes.Equal(sum[:], s.lastFile[:])
	s.lastFile = sum
	return changed
}

func address(c *config.Config) string { return net.JoinHostPort(c.Listen, strconv.Itoa(c.Port)) }

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func redactedURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return logging.URI(u.Redacted())
}
