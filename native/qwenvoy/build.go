package main

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"strings"
)

// version and revision are what a build says of itself by -ldflags "-X main.version=…
// -X main.revision=…", for sources that come without their repository or as no module.
var version, revision string

// build is what is known of how the program was made.
type build struct {
	version  string
	revision string // of the repository, "" when it wasn't there
	modified bool   // the sources differ from the revision
	compiler string
}

// thisBuild reads what Go noted in the program; what the linker was told comes first.
func thisBuild() build {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info, version, revision)
}

func buildOf(info *debug.BuildInfo, version, revision string) build {
	b := build{version: version, revision: revision}
	if info != nil {
		b.compiler = info.GoVersion
		b.version = cmp.Or(b.version, info.Main.Version)
		if b.revision == "" {
			for _, s := range info.Settings {
				switch s.Key {
				case "vcs.revision":
					b.revision = s.Value
				case "vcs.modified":
					b.modified = s.Value == "true"
				}
			}
		}
	}
	b.version = cmp.Or(b.version, "(devel)")
	return b
}

// String is the line that "qwenvoy version" prints.
func (b build) String() string {
	words := []string{"qwenvoy", b.version}
	if b.revision != "" {
		state := ""
		if b.modified {
			state = ", modified"
		}
		words = append(words, fmt.Sprintf("(%.12s%s)", b.revision, state))
	}
	return strings.TrimSpace(strings.Join(append(words, b.compiler), " "))
}

type versionCommand struct{}

func (versionCommand) Run(p *process) error {
	fmt.Fprintln(p.stdout, thisBuild())
	return nil
}
