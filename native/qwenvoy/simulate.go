package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/simulator"
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
	Listen string `default:"127.0.0.1" help:"Where to listen: a host, host:port, or :port for all addresses."`
	Port   int    `default:"8000" help:"Port to listen on, where --listen names none."`
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
	at, fault := settings.ParseAddress(s.Listen)
	switch {
	case fault != nil:
		return fault
	case at.Path != "":
		return errors.New("--listen: a simulated vLLM takes no Unix socket, as vLLM's clients want a URL: a host and port are wanted")
	case at.Port == 0:
		at.Port = s.Port
	}
	ln, err := listen(at.String())
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
