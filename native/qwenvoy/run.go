package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/qwenvoy/qwenvoy/native/clients"
	"github.com/qwenvoy/qwenvoy/native/service"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/native/simulator"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

type runCommand struct {
	Command []string `arg:"" passthrough:"" help:"The agent and its arguments, behind --; agents are ${programs}."`
	gatewayFlags
	Demo        bool    `help:"Where no gateway answers, start one in front of a simulated vLLM."`
	Config      *string `group:"settings" placeholder:"FILE" help:"Where no gateway answers, start one with this configuration."`
	Target      *string `group:"settings" placeholder:"URL" help:"Where no gateway answers, start one in front of this server."`
	ServedModel *string `group:"settings" placeholder:"NAME" help:"The name of the model that the server serves."`
}

func (r *runCommand) Run(ctx context.Context, p *process) error {
	command := r.Command
	if command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return fmt.Errorf("an agent to run is missing: one of %s", strings.Join(clients.Programs(), ", "))
	}
	client := clients.Started(command[0])
	if client == nil {
		return fmt.Errorf("%s is no agent that run knows: these are %s; others take what \"qwenvoy env\" prints",
			command[0], strings.Join(clients.Programs(), ", "))
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return fmt.Errorf("%s is not installed: %w", client.Title, err)
	}
	gateway, stop, err := r.gateway(ctx, p)
	if err != nil {
		return err
	}
	defer stop()
	folder, err := privateFolder()
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	l, err := client.Launch(gateway, folder, r.key(p), command[1:], p.environ)
	if err != nil {
		return err
	}
	return p.child(path, l)
}

// privateFolder makes a folder for one run. It is not among temporary files, where Codex refuses
// to keep programs.
func privateFolder() (string, error) {
	caches, err := os.UserCacheDir()
	if err == nil {
		caches += "/qwenvoy"
		err = os.MkdirAll(caches, 0o700)
	}
	if err != nil {
		caches = "" // there may be no home
	}
	return os.MkdirTemp(caches, "run-")
}

// gateway is the running one, or one that is started for this run; stop ends that.
func (r *runCommand) gateway(ctx context.Context, p *process) (g *clients.Gateway, stop func(), err error) {
	g, err = r.ask(ctx, p)
	if err == nil || !errors.Is(err, clients.ErrAbsent) {
		return g, func() {}, err
	}
	flags := settings.Flags{Config: r.Config, Target: r.Target, ServedModel: r.ServedModel}
	end := func() {}
	switch {
	case settings.HasTarget(&flags, p.env), flags.File(p.env) != "":
	case r.Demo:
		served := simulator.DefaultModel
		srv, target, err := startSimulator(simulator.Options{ServedModel: served, Images: true})
		if err != nil {
			return nil, nil, err
		}
		flags.Target, flags.ServedModel, end = &target, &served, func() { _ = srv.Close() }
	default:
		return nil, nil, fmt.Errorf(`%w: start one with "qwenvoy serve", say where it is by --url, `+
			`name the server by --target and --served-model to have one for this run, or take a simulated server by --demo`, err)
	}
	address, end2, err := p.background(ctx, &flags)
	stop = func() { end2(); end() }
	if err == nil {
		here := r.gatewayFlags
		here.URL = "http://" + address
		g, err = here.ask(ctx, p)
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return g, stop, nil
}

// background serves on a port of the kernel's choice beside what else this process does, without
// a log, which would stand in the agent's window.
func (p *process) background(ctx context.Context, flags *settings.Flags) (address string, stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	bound, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- service.Run(ctx, service.Options{
			Load:    func() (*config.Config, error) { return settings.Load(flags, p.env) },
			File:    flags.File(p.env),
			Output:  io.Discard,
			Version: thisBuild().version,
			Signals: func() (<-chan os.Signal, func()) { return nil, func() {} },
			Listen:  func(string) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
			Serving: func(a net.Addr, _ *config.Config) { bound <- a },
		})
	}()
	select {
	case err := <-ended:
		cancel()
		return "", func() {}, err
	case a := <-bound:
		return a.String(), func() { cancel(); <-ended }, nil
	}
}

// child runs a program to its end. Signals that would stop this process are the program's, and
// its exit code is this one's.
func (p *process) child(path string, l *clients.Launch) error {
	cmd := exec.Command(path, l.Args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = l.Env, p.stdin, p.stdout, p.stderr
	cmd.WaitDelay = 5 * time.Second // for what the program has left behind with its output
	signals := p.signals
	if signals == nil {
		signals = make(chan os.Signal, 8)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
		defer signal.Stop(signals)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case s := <-signals:
				if !(fromTerminal(s) && isTerminal(p.stdin)) {
					_ = cmd.Process.Signal(s)
				}
			case <-ended:
				return
			}
		}
	}()
	err := cmd.Wait()
	if state := cmd.ProcessState; state != nil {
		if code := exitCodeOf(state); code != 0 {
			return exitCode(code)
		}
		return nil
	}
	return err
}

// fromTerminal tells whether a terminal sends a signal to all who have it, the program too.
func fromTerminal(s os.Signal) bool { return s == os.Interrupt || s == syscall.SIGQUIT }

// isTerminal: the null device is a device of that kind too, and sends nothing.
func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// exitCodeOf is a program's exit code, as shells tell it: 128 and the signal that ended it.
func exitCodeOf(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
