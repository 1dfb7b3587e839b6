package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/qwenvoy/qwenvoy/native/clients"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/simulator"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// demoCommand serves like serve and prints what to type next. Without a target it
// brings a simulated vLLM of its own.
type demoCommand struct {
	settings.Flags `kong:"group='settings',set='target=a simulated vLLM unless given',set='served=its own name unless given'"`
	ChunkDelay     time.Duration `default:"20ms" help:"The simulated server's pause between two events of a stream."`
}

func (d *demoCommand) Run(ctx context.Context, p *process) error {
	flags, behind := d.Flags, ""
	if !settings.HasTarget(&flags, p.env) {
		served := cmp.Or(text(flags.ServedModel), simulator.DefaultModel)
		srv, target, err := startSimulator(simulator.Options{ServedModel: served, Images: true, ChunkDelay: d.ChunkDelay})
		if err != nil {
			return err
		}
		defer srv.Close()
		flags.Target, flags.ServedModel, behind = &target, &served, "a simulated vLLM"
	}
	return p.serve(ctx, &flags, func(a net.Addr, c *config.Config) { p.greet(a, c, behind) })
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// startSimulator starts a simulated vLLM on a port of the kernel's choice.
func startSimulator(o simulator.Options) (srv *http.Server, url string, err error) {
	if srv, err = simulatorServer(o); err != nil {
		return nil, "", err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	go func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "qwenvoy: the simulated server ended:", err)
		}
	}()
	return srv, "http://" + ln.Addr().String(), nil
}

// greet prints what to type next.
func (p *process) greet(a net.Addr, c *config.Config, behind string) {
	if behind == "" {
		behind = settings.RedactedURL(c.Main().URL)
	}
	url := "http://" + a.String()
	if c.TLS.Cert != "" {
		url = "https://" + a.String()
	}
	coding, quick := c.BuiltinModels.ThinkingCoding, c.BuiltinModels.InstructGeneral
	g := clients.New(url, []clients.Model{
		{Name: coding, Profile: "thinking-coding"}, {Name: quick, Profile: "instruct-general"},
	})
	fmt.Fprintf(p.stdout, "\nQwenvoy serves on %s, in front of %s. Try:\n\n%s\n%s\n%s\n", url, behind,
		indent(g.Curl(coding, false)), indent(g.Curl(quick, true)), indent("curl "+url+"/v1/models"))
	program, where := cmp.Or(p.program, "qwenvoy"), ""
	if url != "http://127.0.0.1:9000" {
		where = " --url " + url
	}
	fmt.Fprint(p.stdout, "A coding agent, with settings that leave its own configuration alone:\n\n")
	for _, client := range clients.Table {
		if client.Program != "" {
			fmt.Fprintf(p.stdout, "  %s run%s -- %-8s   # %s\n", program, where, client.Program, client.Title)
		}
	}
	for _, name := range []string{"openai", "anthropic"} {
		client := clients.Named(name)
		fmt.Fprintf(p.stdout, "\n%s:\n\n%s", client.Title, indent(client.Text(g)))
	}
	fmt.Fprintf(p.stdout, "\nOthers: %s env%s %s. In a browser: %s\n\n", program, where, strings.Join(clients.Names(), "|"), url)
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
