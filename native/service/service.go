package service

import (
	"context"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/qwenvoy/qwenvoy/native/certificate"
	"github.com/qwenvoy/qwenvoy/native/keeper"
	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/native/memory"
	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/native/responses"
	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/native/systemd"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// Options is what a run of the gateway gets from the program around it.
type Options struct {
	// Load gathers the configuration, at the start and for each reload.
	Load func() (*config.Config, error)
	// File is what Load reads among others; it is watched for changes. "" for none.
	File string
	// Output is where log lines go.
	Output io.Writer
	// Version is the program's, for the log.
	Version string
	// Notes are what is odd about how the program was called; they are logged once.
	Notes []string
	// Signals delivers SIGHUP, which reloads, and those that end the run, until stop is called.
	Signals func() (signals <-chan os.Signal, stop func())
	// Listen, if given, binds the address in the place of what the configuration or systemd says.
	Listen func(address string) (net.Listener, error)
	// reportEvery, if given, is how often a drain says what it waits for.
	reportEvery time.Duration
	// Serving, if given, is called with the bound address once requests are served. Where the
	// server is to name its model it has been asked by then.
	Serving func(net.Addr, *config.Config)
}

// service is one run of the gateway.
type service struct {
	options   Options
	files     files
	reloader  reloader
	config    *config.Config
	listening *listening
	tls       *certificate.Server // nil for none
	level     *slog.LevelVar
	log       *slog.Logger
	handler   *server.Handler
	kept      store.Store
	archive   *keeper.Archive
	state     *responses.Handler
	prober    *probe.Prober // nil: not begun
	asked     config.Upstream
	named     chan string // the served model's name, as the prober finds it
	signals   <-chan os.Signal
}

// statusEvery is how often the service manager is told what was done.
const statusEvery = time.Minute

// Run serves until a signal ends it or ctx does.
func Run(ctx context.Context, o Options) error {
	s, err := open(o)
	if err != nil {
		return err
	}
	defer s.close()
	var stop func()
	s.signals, stop = o.Signals()
	defer stop()

	srv := server.HTTP(s.handler, s.state, s.config, s.log)
	if s.tls != nil {
		srv.TLSConfig = s.tls.Config()
	}
	failed := make(chan error, len(s.listening.sockets))
	for _, ln := range server.Listeners(s.listening.sockets, s.config.Limits.Connections) {
		go func() { failed <- s.serve(srv, ln) }()
	}

	changes, unwatch := s.files.watch(s.log)
	defer unwatch()
	s.started()
	s.reload(byChange) // as it may have before it was watched
	return s.untilEnded(ctx, srv, failed, changes)
}

// open loads the configuration and makes what serves by it.
func open(o Options) (*service, error) {
	s := &service{options: o, files: files{config: o.File}, level: new(slog.LevelVar), named: make(chan string, 1)}
	s.reloader = reloader{options: &s.options, files: &s.files, done: make(chan reloaded, 1)}
	s.files.changed() // remembered before it is read, so that no change is missed
	if err := s.configure(); err != nil {
		return nil, fmt.Errorf("load config: %w", err)
	}
	if err := s.certify(); err != nil {
		return nil, fmt.Errorf("load config: %w", err)
	}
	var err error
	if s.listening, err = listen(s.config, o.Listen); err != nil {
		return nil, err
	}
	if s.handler, err = server.NewHandler(s.config, s.listening.loopback, s.log); err != nil {
		s.listening.close()
		return nil, err
	}
	s.handler.SetVersion(o.Version)
	if s.kept, err = openStore(s.config, s.handler.Memory(), s.log); err != nil {
		s.listening.close()
		return nil, err
	}
	base := s.handler.BaseContext(nil)
	s.archive = keeper.New(base, s.kept, s.config, s.handler.Memory(), s.log, keeper.RealClock)
	s.state = responses.New(s.handler, base, s.archive, s.kept, s.log)
	return s, nil
}

func (s *service) configure() (err error) {
	if s.config, err = s.options.Load(); err != nil {
		return err
	}
	level, err := logging.ParseLevel(s.config.Log.Level)
	if err != nil {
		return err
	}
	s.level.Set(level)
	if s.log, err = logging.New(s.options.Output, s.config.Log.Format, s.level); err != nil {
		return err
	}
	// net/http says some things of its connections to the process's logger only, and quotes in them.
	stdlog.SetFlags(0)
	stdlog.SetOutput(slog.NewLogLogger(s.log.Handler(), slog.LevelDebug).Writer())
	limitHeap(s.config)
	return nil
}

// besides is what the process takes beside what exchanges hold.
const besides = 32 << 20

// limitHeap has the collector work harder before the process takes more than it may, which by
// itself it would only do at twice of what is held. GOMEMLIMIT goes before.
func limitHeap(c *config.Config) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(server.MemoryLimit(c) + besides)
	}
}

func openStore(c *config.Config, m *memory.Budget, log *slog.Logger) (store.Store, error) {
	return store.Open(store.Options{
		Redis: c.Store.Redis, Folder: c.Store.Folder,
		MaxAge: time.Duration(c.Store.MaxAge), MaxSize: int64(c.Store.MaxSize),
		Memory: m, Log: log,
	})
}

// ask has the server of a configuration asked, beside all else, what would make requests fail.
func (s *service) ask(c *config.Config) {
	if s.prober != nil {
		s.prober.Stop()
		s.prober = nil
	}
	behind, err := probe.New(*c.Main(), c.Timeouts)
	if err != nil { // not of a configuration that is in force
		s.log.Warn("the upstream is not asked for its state", "error", err)
		return
	}
	select {
	case <-s.named: // by a prober that is gone
	default:
	}
	s.asked = *c.Main()
	s.prober = probe.Start(behind, s.handler.Upstream(), s.log, func(model string) {
		select {
		case <-s.named: // nobody needs to know what it was before
		default:
		}
		s.named <- model
	})
}

// known is a configuration with the name of its served model, where it leaves that open and the
// server is the one that has been asked before.
func (s *service) known(c *config.Config) *config.Config {
	if u := c.Upstreams[0]; u.Model != "" || s.asked.Model != "" || u.URL != s.asked.URL {
		return c
	}
	return withModel(c, s.handler.Config().Upstreams[0].Model)
}

// withModel is a configuration with the served model's name in it.
func withModel(c *config.Config, model string) *config.Config {
	named := *c
	named.Upstreams = slices.Clone(c.Upstreams)
	named.Upstreams[0].Model = model
	return &named
}

// name takes over the name of a served model that the configuration does not name.
func (s *service) name(model string) {
	c := s.handler.Config()
	if model == "" || s.asked.Model != "" || c.Upstreams[0].Model == model {
		return
	}
	if err := s.handler.Reload(withModel(c, model)); err != nil {
		for _, fault := range faults(err) {
			s.log.Error("the served model can't be taken over", "upstream_model", model, "error", logging.Checked(fault))
		}
		return
	}
	s.log.Info("the server has named its model", "upstream_model", model)
	s.note()
}

func (s *service) close() {
	if s.prober != nil {
		s.prober.Stop()
	}
	s.state.Drain()
	s.archive.Close()
	_ = s.kept.Close()
}

// untilEnded acts on what happens around the server until one of the things that end it.
func (s *service) untilEnded(ctx context.Context, srv *http.Server, failed <-chan error, changes <-chan struct{}) error {
	status := time.NewTicker(statusEvery)
	defer status.Stop()
	watchdog, stop := watchdogTicks()
	defer stop()
	for {
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			s.drain(srv, nil)
			return nil
		case sig := <-s.signals:
			if sig == syscall.SIGHUP {
				s.reload(bySignal)
				continue
			}
			s.drain(srv, sig)
			return nil
		case <-changes:
			s.reload(byChange)
		case model := <-s.named:
			s.name(model)
			s.serving()
		case r := <-s.reloader.done:
			s.apply(r)
		case <-status.C:
			s.status()
		case <-watchdog:
			systemd.Watchdog()
		}
	}
}

// watchdogTicks ticks when systemd's watchdog is to be fed, never where there is none.
func watchdogTicks() (ticks <-chan time.Time, stop func()) {
	d := systemd.WatchdogInterval()
	if d == 0 {
		return nil, func() {}
	}
	t := time.NewTicker(d)
	return t.C, t.Stop
}

func (s *service) started() {
	s.warn(s.config)
	if s.tls != nil {
		s.warnOfCertificate(s.tls.Set())
	}
	for _, note := range s.options.Notes {
		s.log.Warn(note)
	}
	u := s.config.Main()
	s.log.Info("serving", "address", s.listening.String(), "upstream", settings.RedactedURL(u.URL), "upstream_model", u.Model,
		"store", settings.ShownStore(s.config), "version", s.options.Version)
	systemd.Ready()
	s.status()
	s.ask(s.config)
	if u.Model != "" {
		s.serving()
	}
}

// serving calls Options.Serving, once.
func (s *service) serving() {
	if s.options.Serving != nil {
		s.options.Serving(s.listening.sockets[0].Addr(), s.config)
		s.options.Serving = nil
	}
}

// warn says what of a configuration is valid but needs care.
func (s *service) warn(c *config.Config) {
	if s.level.Level() <= logging.LevelComplete {
		s.log.Warn("log level COMPLETE: bodies with prompts and answers go to the log")
	}
	if !s.listening.loopback {
		s.log.Warn("listening beyond loopback: whoever can reach this address can use the upstream", "listen", s.listening.String())
	}
	if c.Envoy != (config.Envoy{}) {
		s.log.Info("the section envoy is for the filter and has no effect here")
	}
	s.note()
}

// note says what the core has to say of the configuration in force.
func (s *service) note() {
	for _, note := range s.handler.Notes() {
		s.log.Warn(note)
	}
}

func (s *service) status() {
	modified, proxied := s.handler.Counts()
	systemd.Status(fmt.Sprintf("Modified %d requests on the %d proxified", modified, proxied))
}
