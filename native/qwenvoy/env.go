package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/qwenvoy/qwenvoy/native/clients"
)

// gatewayFlags say which gateway a command is about.
type gatewayFlags struct {
	URL    string `default:"http://127.0.0.1:9000" placeholder:"URL" help:"The gateway; http://127.0.0.1:9000 unless given."`
	KeyEnv string `default:"QWENVOY_KEY" placeholder:"NAME" help:"The variable that holds the key for it; QWENVOY_KEY unless given."`
	Model  string `placeholder:"NAME" help:"The model to work with; the one for code unless given."`
}

// ask asks the gateway for what settings are filled in from.
func (f *gatewayFlags) ask(ctx context.Context, p *process) (*clients.Gateway, error) {
	g, err := clients.Ask(ctx, f.URL, f.key(p))
	if err != nil {
		return nil, err
	}
	if f.Model != "" {
		g.Coding = f.Model
	}
	return g, nil
}

func (f *gatewayFlags) key(p *process) string {
	key, _ := p.env(f.KeyEnv)
	return key
}

type envCommand struct {
	Client string `arg:"" enum:"${clients}" help:"One of ${enum}."`
	gatewayFlags
}

func (e *envCommand) Run(ctx context.Context, p *process) error {
	g, err := e.ask(ctx, p)
	if errors.Is(err, clients.ErrAbsent) {
		return fmt.Errorf(`%w: start one with "qwenvoy serve" or "qwenvoy demo", or say where it is by --url`, err)
	}
	if err != nil {
		return err
	}
	c := clients.Named(e.Client)
	if note := c.Note(g); note != "" {
		fmt.Fprintln(p.stderr, "note:", note)
	}
	_, err = fmt.Fprint(p.stdout, c.Text(g))
	return err
}
