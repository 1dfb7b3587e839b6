package main

import (
	"fmt"

	"github.com/qwenvoy/qwenvoy/native/settings"
)

type checkConfigCommand struct {
	File string `arg:"" help:"Configuration file, YAML or JSON."`
}

func (c *checkConfigCommand) Run(p *process) error {
	conf, err := settings.LoadFile(c.File, p.env)
	if err != nil {
		return err
	}
	u := conf.Upstreams[0]
	fmt.Fprintf(p.stdout, "%s is valid: listens on %s, sends to %s (%s)\n",
		c.File, settings.AddressOf(conf), settings.RedactedURL(u.URL), u.Model)
	return nil
}
