package main

import (
	"fmt"

	"github.com/qwenvoy/qwenvoy/native/settings"
)

type configCommand struct {
	Print configPrintCommand `cmd:"" help:"Print the configuration that serve would have, and where each value comes from."`
}

type configPrintCommand struct {
	settings.Flags `kong:"group='settings',set='target=http://127.0.0.1:8000 unless given',set='served=asked from the server unless given'"`
}

func (c *configPrintCommand) Run(p *process) error {
	text, err := settings.Print(&c.Flags, p.env)
	if err != nil {
		return err
	}
	p.note()
	_, err = p.stdout.Write(text)
	return err
}

// note says what is odd about how the program was called.
func (p *process) note() {
	for _, n := range p.notes {
		fmt.Fprintln(p.stderr, "note:", n)
	}
}
