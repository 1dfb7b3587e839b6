package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/simulator"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// uvicornIdle is when the server under a real vLLM closes a connection without requests.
const uvicornIdle = 5 * time.Second

// simulatorServer makes the HTTP server of a simulated vLLM.
func simulatorServer(o simulator.Options) (*http.Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &http.Server{Handler: simulator.New(o), IdleTimeout: uvicornIdle, ReadHeaderTimeout: 30 * time.Second}, nil
}

type simulateCommand struct {
	Listen string `default:"127.0.0.1" help:"Address to listen on."`
	Port   string `default:"8000" help:"Port to listen on."`
	simulator.Options
}

func (s *simulateCommand) Run(ctx context.Context, p *process) error {
	srv, err := simulatorServer(s.Options)
	if err != nil {
		return err
	}
	listen := p.listen
	if listen == nil {
		listen = func(a string) (net.Listener, error) { return net.Listen("tcp", a) }
	}
	ln, err := listen(net.JoinHostPort(s.Listen, s.Port))
	if err != nil {
		return err
	}
	signals, stop := p.notifySignals()
	defer stop()
	fmt.Fprintf(p.stdout, "A simulated vLLM serves %s on http://%s\n", s.ServedModel, ln.Addr())
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	for {
		select {
		case err := <-failed:
			return err
		case sig := <-signals:
			if sig != syscall.SIGHUP { // there is nothing to read again
				return srv.Close()
			}
		case <-ctx.Done():
			return srv.Close()
		}
	}
}

// demoCommand is the gateway in front of a simulated vLLM, in one process.
type demoCommand struct {
	settings.Flags
	ChunkDelay time.Duration `default:"20ms" help:"The simulated server's pause between two events of a stream."`
}

func (d *demoCommand) Run(ctx context.Context, p *process) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	target := "http://" + ln.Addr().String()
	load := func() (*config.Config, error) {
		flags := d.Flags
		flags.Target = &target
		if flags.ServedModel == nil {
			served := simulator.DefaultModel
			flags.ServedModel = &served
		}
		return settings.Load(&flags, p.env)
	}
	c, err := load()
	if err != nil {
		ln.Close()
		return fmt.Errorf("load config: %w", err)
	}
	srv, err := simulatorServer(simulator.Options{ServedModel: c.Upstreams[0].Model, ChunkDelay: d.ChunkDelay})
	if err != nil {
		ln.Close()
		return err
	}
	defer srv.Close()
	go func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "qwenvoy: the simulated server ended:", err)
		}
	}()
	return p.serve(ctx, service{
		config: c, file: d.File(p.env), load: load,
		serving: func(a net.Addr) { p.greet(a, c) },
	})
}

// greet prints what to type next.
func (p *process) greet(a net.Addr, c *config.Config) {
	fmt.Fprintf(p.stdout, `
Qwenvoy serves on http://%[1]s, in front of a simulated vLLM. Try:

  curl http://%[1]s/v1/chat/completions -H 'content-type: application/json' \
    -d '{"model":"%[2]s","messages":[{"role":"user","content":"Count to 5"}]}'

  curl -N http://%[1]s/v1/chat/completions -H 'content-type: application/json' \
    -d '{"model":"%[3]s","stream":true,"messages":[{"role":"user","content":"Count to 5"}]}'

  curl http://%[1]s/v1/models

`, a, c.BuiltinModels.ThinkingCoding, c.BuiltinModels.InstructGeneral)
}
