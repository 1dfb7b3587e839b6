package main

import (
	"context"
	"fmt"
	"os"

	"github.com/qwenvoy/qwenvoy/native/doctor"
	"github.com/qwenvoy/qwenvoy/native/settings"
)

// doctorCommand takes the flags of serve, so that what it looks at is what would be served.
type doctorCommand struct {
	settings.Flags `kong:"group='settings',set='target=http://127.0.0.1:8000 unless given',set='served=asked from the server unless given'"`

	Envoy  []string `sep:"none" placeholder:"FILE" help:"A file of Envoy, Istio or Envoy Gateway; several are judged together."`
	Deep   bool     `help:"Watch for the end of an unused connection, and have the model call a tool: ten seconds more."`
	Strict bool     `help:"A warn counts as a FAIL."`
	Format string   `default:"table" enum:"table,json" help:"table or json."`
}

func (c *doctorCommand) Run(ctx context.Context, p *process) error {
	r := doctor.Run(ctx, doctor.Options{
		Flags: &c.Flags, Env: p.env, Notes: p.notes, Bind: p.listen,
		Envoy: c.Envoy, Deep: c.Deep, Strict: c.Strict,
	})
	var err error
	if c.Format == "json" {
		err = r.JSON(p.stdout)
	} else {
		err = r.Table(p.stdout, p.coloured())
	}
	if err != nil {
		return err
	}
	if r.Code != doctor.ExitGood {
		return exitCode(r.Code)
	}
	return nil
}

// coloured tells whether somebody looks at what is printed who can do with colours.
func (p *process) coloured() bool {
	set := func(name string) bool { v, _ := p.env(name); return v != "" }
	term, _ := p.env("TERM")
	f, ok := p.stdout.(*os.File)
	if !ok || set("NO_COLOR") || term == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// An exitCode is the error of a command that has said all there is to say, and ends with a code
// of its own.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }
