package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/qwenvoy/qwenvoy/native/clients"
	"github.com/qwenvoy/qwenvoy/native/doctor"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// commands is the table of them: kong reads names, arguments and flags from the fields.
type commands struct {
	Serve       serveCommand       `cmd:"" default:"withargs" help:"Serve as a gateway (the default command)."`
	Demo        demoCommand        `cmd:"" help:"Serve, and print what to type next; without a target, in front of a simulated vLLM."`
	Simulate    simulateCommand    `cmd:"" help:"Serve as a simulated vLLM."`
	Doctor      doctorCommand      `cmd:"" help:"Check configuration, Envoy's files and the server, and say what cures what is wrong."`
	Env         envCommand         `cmd:"" help:"Print the settings of an agent or SDK for a running gateway."`
	Run         runCommand         `cmd:"" help:"Start a coding agent with settings for a gateway, which leave its own configuration alone."`
	CheckConfig checkConfigCommand `cmd:"" help:"Check a configuration file and say what it means."`
	Config      configCommand      `cmd:"" help:"Show the configuration that is in force."`
	CheckStream checkStreamCommand `cmd:"" help:"Check an event stream of the Responses or Messages API, and say what is wrong with it."`
	Health      healthCommand      `cmd:"" help:"Ask a running gateway for its health; exit code 1 when it has none."`
	Completion  completionCommand  `cmd:"" help:"Print a script that completes commands and flags in a shell."`
	Help        helpCommand        `cmd:"" help:"Show the help of a command."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
	Complete    completeCommand    `cmd:"" hidden:"" help:"Print what may stand next; the scripts of completion ask it."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`
}

// settingsGroup is the group of the flags that have variables.
const settingsGroup = "settings"

// parser makes the parser of command lines.
func (p *process) parser(ctx context.Context, cli *commands, exit func(int)) (*kong.Kong, error) {
	return kong.New(cli,
		kong.Name("qwenvoy"),
		kong.Description("A gateway for Qwen servers."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ValueFormatter(helpOf),
		kong.ExplicitGroups([]kong.Group{{Key: settingsGroup,
			Title: "Settings, which a configuration file may hold, too. A flag beats its variable, a variable the file:"}}),
		kong.Vars{
			"version":  thisBuild().String(),
			"clients":  strings.Join(clients.Names(), ","),
			"programs": strings.Join(clients.Programs(), ", "),
		},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
	)
}

// run runs the command that the arguments name and returns the exit code.
func (p *process) run(ctx context.Context) int {
	exited := -1
	parser, err := p.parser(ctx, new(commands), func(code int) { exited = code })
	if err != nil {
		return p.failed(err)
	}
	if err := noCommand(p.args, parser.Model.Node); err != nil {
		return p.failed(err)
	}
	args, notes := settings.Renamed(twoDashes(p.args))
	p.notes = append(notes, settings.Notes(p.environ)...)
	k, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		return p.misused(err)
	}
	err = k.Run()
	var code exitCode
	switch {
	case errors.As(err, &code):
		return int(code)
	case err != nil:
		return p.failed(err)
	}
	return 0
}

// misused says what is wrong with a command line.
func (p *process) misused(err error) int {
	p.failed(err)
	if p.args[0] == "doctor" {
		return doctor.ExitUsage // its 1 means that it found something
	}
	return 1
}

// noCommand is the error of a first word that is no command. The parser would take it for an
// argument of serve, which has none.
func noCommand(words []string, below *kong.Node) error {
	if len(words) == 0 || strings.HasPrefix(words[0], "-") {
		return nil
	}
	names := visible(below)
	if slices.ContainsFunc(below.Children, func(n *kong.Node) bool { return n.Name == words[0] }) {
		return nil
	}
	if best, _ := config.Closest(words[0], names); best != "" {
		return fmt.Errorf("%q is no command, did you mean %s?", words[0], best)
	}
	return fmt.Errorf("%q is no command, known are %s", words[0], strings.Join(names, ", "))
}

// visible are the names of the commands below a node.
func visible(n *kong.Node) (names []string) {
	for _, c := range n.Children {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}

// helpOf is the help of a flag or argument, with the flag's variable.
func helpOf(v *kong.Value) string {
	if v.Flag != nil && v.Flag.Group != nil && v.Flag.Group.Key == settingsGroup {
		return v.Help + " [" + settings.Variable(v.Name) + "]"
	}
	return v.Help
}

type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command."`
}

func (h *helpCommand) Run(ctx context.Context, p *process, k *kong.Context) error {
	node := k.Model.Node
	for i := range h.Command {
		if err := noCommand(h.Command[i:], node); err != nil {
			return err
		}
		for _, c := range node.Children {
			if c.Name == h.Command[i] {
				node = c
				break
			}
		}
	}
	about := *p
	about.args = append(slices.Clone(h.Command), "--help")
	about.run(ctx)
	return nil
}
