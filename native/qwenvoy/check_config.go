package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/qwenvoy/qwenvoy/native/server"
	"github.com/qwenvoy/qwenvoy/native/service"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

type checkConfigCommand struct {
	File string `arg:"" help:"Configuration file, YAML or JSON."`
}

func (c *checkConfigCommand) Run(p *process) error {
	conf, err := settings.LoadFile(c.File, p.env)
	if err != nil {
		return err
	}
	models, err := catalog.New(conf)
	if err != nil {
		return err
	}
	u := conf.Main()
	fmt.Fprintf(p.stdout, "%s is valid: listens on %s, sends to %s (%s, generation %s)\n\n",
		c.File, settings.AddressOf(conf), settings.RedactedURL(u.URL), cmp.Or(u.Model, "its only model"), models.Main().Generation.Name)
	t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	printModels(t, models)
	fmt.Fprintln(t)
	if len(conf.Upstreams) > 1 {
		printTargets(t, models)
		fmt.Fprintln(t)
	}
	printAliases(t, models)
	fmt.Fprintln(t)
	printLimits(t, conf)
	for _, found := range service.Trial(conf, p.listen) {
		fmt.Fprintln(p.stderr, "qwenvoy: note: here and now serve would not start:", found)
	}
	return t.Flush()
}

// printModels writes the virtual models with the sampling values that they mean.
func printModels(to io.Writer, models *catalog.Catalog) {
	fmt.Fprintf(to, "MODEL\tPROFILE\tVALUES OF\tTHINKING\t%s\n", strings.ToUpper(strings.Join(catalog.SamplingKeys[:], "\t")))
	for _, m := range models.Models() {
		thinking, values := "on", m.On
		switch m.Thinking {
		case catalog.Off:
			thinking, values = "off", m.Off
		case catalog.Client:
			thinking = "client"
		case catalog.Always:
			thinking = "always"
		}
		printModel(to, m.Name, m.Profile, valuesOf(m), thinking, values)
		if m.Thinking != catalog.Off && m.Thinking != catalog.Always && m.On != m.Off {
			printModel(to, "", "", "", "switched off", m.Off)
		}
	}
}

func printModel(to io.Writer, name, profile, of, thinking string, values catalog.Sampling) {
	for i, v := range values {
		values[i] = cmp.Or(v, "-")
	}
	fmt.Fprintf(to, "%s\t%s\t%s\t%s\t%s\n", name, profile, of, thinking, strings.Join(values[:], "\t"))
}

// printTargets writes who answers for each model, the first first.
func printTargets(to io.Writer, models *catalog.Catalog) {
	fmt.Fprintln(to, "MODEL\tUPSTREAM\tSERVED MODEL\tGENERATION")
	for _, m := range models.Models() {
		name := m.Name
		for i := range m.Targets() {
			t := m.At(i).Target
			fmt.Fprintf(to, "%s\t%s\t%s\t%s\n", name, t.Upstream, t.Model, t.Generation.Name)
			name = ""
		}
	}
}

// valuesOf is the generation whose model card has the model's values.
func valuesOf(m *catalog.Model) string { return cmp.Or(m.Official, "-") }

func printAliases(to io.Writer, models *catalog.Catalog) {
	fmt.Fprintln(to, "ALIAS\tMEANS")
	for _, m := range models.Models() {
		for _, name := range models.Aliases(m) {
			fmt.Fprintf(to, "%s\t%s\n", name, m.Name)
		}
	}
}

func printLimits(to io.Writer, c *config.Config) {
	l := c.Limits
	window := "asked from the server"
	if n := c.Main().MaxModelLen; n > 0 {
		window = strconv.Itoa(n) + " tokens"
	}
	fmt.Fprintln(to, "LIMIT\tVALUE")
	for _, row := range [][2]string{
		{"window", window},
		{"body", settings.ShownSize(int64(server.BodyLimit(c)))},
		{"event", settings.ShownSize(int64(l.Event))},
		{"memory", settings.ShownSize(server.MemoryLimit(c))},
		{"connections", strconv.Itoa(l.Connections)},
		{"exchanges", strconv.Itoa(l.Exchanges)},
	} {
		fmt.Fprintf(to, "%s\t%s\n", row[0], row[1])
	}
}
