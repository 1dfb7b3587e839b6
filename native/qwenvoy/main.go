package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	p := &process{program: os.Args[0], args: os.Args[1:], env: os.LookupEnv, environ: os.Environ(),
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(p.run(context.Background()))
}

// process is what a command may touch of the world around it.
type process struct {
	program        string // as it was called; "" is qwenvoy
	args           []string
	env            func(string) (string, bool)
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
	// notes are what is odd about args and environ, and no fault: a gateway logs them.
	notes []string
	// signals, when set, takes the place of the process's own signals.
	signals chan os.Signal
	// listen, when set, takes the place of net.Listen.
	listen func(address string) (net.Listener, error)
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
