package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/qwenvoy/qwenvoy/native/service"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

func main() {
	p := &process{args: os.Args[1:], env: os.LookupEnv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(p.run(context.Background()))
}

// process is what a command may touch of the world around it.
type process struct {
	args           []string
	env            func(string) (string, bool)
	stdin          io.Reader
	stdout, stderr io.Writer
	// signals, when set, takes the place of the process's own signals.
	signals chan os.Signal
	// listen, when set, takes the place of net.Listen.
	listen func(address string) (net.Listener, error)
}

type commands struct {
	Serve       serveCommand       `cmd:"" default:"withargs" help:"Serve as a gateway (the default command)."`
	Simulate    simulateCommand    `cmd:"" help:"Serve as a simulated vLLM."`
	Demo        demoCommand        `cmd:"" help:"Serve, and print what to type next; without a target, in front of a simulated vLLM."`
	CheckConfig checkConfigCommand `cmd:"" help:"Check a configuration file and say what it means."`
	CheckStream checkStreamCommand `cmd:"" help:"Check an event stream of the Responses or Messages API, and say what is wrong with it."`
	Health      healthCommand      `cmd:"" help:"Ask a running gateway for its health; exit code 1 when it has none."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// run runs the command that the arguments name and returns the exit code.
func (p *process) run(ctx context.Context) int {
	var cli commands
	exited := -1
	parser, err := kong.New(&cli,
		kong.Name("qwenvoy"),
		kong.Description("A gateway for Qwen servers. Each flag has a variable QWENVOY_…; a flag beats its variable, a variable the file."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
	)
	if err != nil {
		return p.failed(err)
	}
	k, err := parser.Parse(twoDashes(p.args))
	if exited >= 0 { // --help
		return exited
	}
	if err == nil {
		err = k.Run()
	}
	if err != nil {
		return p.failed(err)
	}
	return 0
}

func (p *process) failed(err error) int {
	fmt.Fprintln(p.stderr, "qwenvoy:", err)
	return 1
}

// twoDashes turns -flag into --flag, as Go's own flag package takes both and
// qwen35-rp's users write the former.
func twoDashes(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		if a == "--" {
			copy(out[i:], args[i:])
			break
		}
		if len(a) > 2 && a[0] == '-' && a[1] != '-' && (a[1] < '0' || a[1] > '9') && a[1] != '.' {
			a = "-" + a
		}
		out[i] = a
	}
	return out
}

type serveCommand struct {
	settings.Flags
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
		Signals: p.notifySignals,
		Listen:  p.listen,
		Serving: serving,
	})
}

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
		c.File, settings.Address(conf), settings.RedactedURL(u.URL), u.Model)
	return nil
}

type healthCommand struct {
	URL string `default:"http://127.0.0.1:9000/health" help:"The gateway's health page."`
}

func (h *healthCommand) Run(p *process) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(h.URL)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", h.URL, resp.Status)
	}
	fmt.Fprintln(p.stdout, "healthy")
	return nil
}

type versionCommand struct{}

func (versionCommand) Run(p *process) error {
	fmt.Fprintln(p.stdout, thisBuild())
	return nil
}

// notifySignals delivers the signals that the service acts on.
func (p *process) notifySignals() (ch <-chan os.Signal, stop func()) {
	if p.signals != nil {
		return p.signals, func() {}
	}
	c := make(chan os.Signal, 4)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}
