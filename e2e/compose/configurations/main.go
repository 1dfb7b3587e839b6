// Command configurations writes what docker-compose.yaml mounts into a folder: the scenario
// table's configurations, and an Envoy configuration with a listener for each, with
// allow_on_headers_stop_iteration and without.
//
//	go run ./e2e/compose/configurations FOLDER
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/qwenvoy/qwenvoy/e2e/compose"
	"github.com/qwenvoy/qwenvoy/e2e/envoy"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: configurations FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(dir string) error {
	configs, err := scenario.Configs()
	if err != nil {
		return err
	}
	b := envoy.Bootstrap{Address: "0.0.0.0", AdminPort: compose.AdminPort, Wasm: "/etc/qwenvoy/qwenvoy.wasm"}
	names := slices.Sorted(maps.Keys(configs))
	for i, name := range names {
		for _, knob := range []bool{true, false} {
			b.Listeners = append(b.Listeners, envoy.Listener{
				Name: fmt.Sprintf("%s-%t", name, knob), Knob: knob, Config: string(configs[name]),
				Upstream: compose.Upstream, Port: compose.Port(i, knob),
			})
		}
		if err := publish(dir, name+".json", configs[name]); err != nil {
			return err
		}
	}
	template, err := os.ReadFile("envoy.yaml")
	if err != nil {
		return err
	}
	text, err := b.JSON(template)
	if err != nil {
		return err
	}
	return publish(dir, "envoy.json", text)
}

// publish writes a file that the containers' users may read too.
func publish(dir, name string, text []byte) error {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	return os.Chmod(path, 0o644) // whatever the umask
}
