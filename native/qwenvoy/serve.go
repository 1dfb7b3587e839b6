package main

import (
	"context"
	"net"

	"github.com/qwenvoy/qwenvoy/native/service"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

type serveCommand struct {
	settings.Flags `kong:"group='settings',set='target=http://127.0.0.1:8000 unless given',set='served=asked from the server unless given'"`
}

func (s *serveCommand) Run(ctx context.Context, p *process) error {
	return p.serve(ctx, &s.Flags, nil)
}

// serve runs the gateway by flags, and by the variables and the file beneath them.
func (p *process) serve(ctx context.Context, flags *settings.Flags, serving func(net.Addr, *config.Config)) error {
	return service.Run(ctx, service.Options{
		Load:    func() (*config.Config, error) { return settings.Load(flags, p.env) },
		File:    flags.File(p.env),
		Output:  p.stderr,
		Version: thisBuild().version,
		Notes:   p.notes,
		Signals: p.notifySignals,
		Listen:  p.listen,
		Serving: serving,
	})
}
