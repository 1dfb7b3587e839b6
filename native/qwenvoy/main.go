package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
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

// notifySignals delivers the signals that the service acts on.
func (p *process) notifySignals() (ch <-chan os.Signal, stop func()) {
	if p.signals != nil {
		return p.signals, func() {}
	}
	c := make(chan os.Signal, 4)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}
