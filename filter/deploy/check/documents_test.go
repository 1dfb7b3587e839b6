package check

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/qwenvoy/qwenvoy/e2e/envoy"
)

const (
	root    = "../../.." // the repository
	samples = ".."       // filter/deploy
)

// A document is one YAML document of a file, as JSON.
type document struct {
	name string // path below the repository, and the document's number where there are several
	json []byte
	// decode is strict: it fails on a field that the API doesn't have.
	decode func(json []byte) (*decoded, error)
}

// decoded is what the tests look at beyond the spelling.
type decoded struct {
	kind    string // Bootstrap or the Kubernetes kind
	plugins []plugin
	// bootstrap, where it is one.
	bootstrap *bootstrap
}

// documents returns all that is to be checked, found by walking.
func documents(t *testing.T) []document {
	t.Helper()
	var all []document
	configurations, err := envoy.Configurations(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range configurations {
		for _, d := range read(t, path) {
			d.decode = decodeBootstrap
			all = append(all, d)
		}
	}
	err = filepath.WalkDir(samples, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".yaml", ".yml", ".json":
			for _, d := range read(t, path) {
				d.decode = decodeKubernetes
				all = append(all, d)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// read splits a file into its documents. A key that stands twice is an error.
func read(t *testing.T, path string) []document {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name := shown(t, path)
	var all []document
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		one, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		object, err := yaml.YAMLToJSONStrict(one)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(object, []byte("null")) { // comments only
			all = append(all, document{name: name, json: object})
		}
	}
	if len(all) > 1 {
		for i := range all {
			all[i].name = fmt.Sprintf("%s#%d", name, i+1)
		}
	}
	return all
}

// shown is path as seen from the repository's root.
func shown(t *testing.T, path string) string {
	t.Helper()
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if path, err = filepath.Abs(path); err != nil {
		t.Fatal(err)
	}
	name, err := filepath.Rel(top, path)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestEveryDocumentDecodesStrictly(t *testing.T) {
	kinds := map[string]int{}
	for _, d := range documents(t) {
		t.Run(d.name, func(t *testing.T) {
			got, err := d.decode(d.json)
			if err != nil {
				t.Fatal(err)
			}
			kinds[got.kind]++
		})
	}
	for _, kind := range []string{"Bootstrap", "EnvoyFilter", "WasmPlugin", "TrafficExtension", "EnvoyExtensionPolicy"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s was found", kind)
		}
	}
}

func TestAMisspeltKeyFails(t *testing.T) {
	for _, d := range documents(t) {
		t.Run(d.name, func(t *testing.T) {
			var tree any
			if err := json.Unmarshal(d.json, &tree); err != nil {
				t.Fatal(err)
			}
			tried := 0
			misspell(tree, "", func(path, wrong string) {
				if strings.HasSuffix(path, ".typed_per_filter_config.qwenvoy") {
					return // a filter's name, which may be any
				}
				tried++
				text, err := json.Marshal(tree)
				if err != nil {
					t.Fatal(err)
				}
				_, err = d.decode(text)
				switch {
				case err == nil:
					t.Errorf("%s misspelt is accepted", path)
				case slices.Contains([]string{"@typex", "apiVersionx", "kindx"}, wrong):
					// Without its type nothing can be said of an object's keys.
				case !strings.Contains(err.Error(), wrong):
					t.Errorf("%s misspelt fails, but not for the spelling: %v", path, err)
				}
			}, func(any) {})
			if tried < 5 {
				t.Errorf("only %d keys were tried", tried)
			}
		})
	}
}

// misspell renames each key of the tree in turn, calls try while it is renamed, and
// puts it back. JSON objects inside strings (Qwenvoy's configuration in an Envoy
// configuration) are entered too; set replaces the tree in what holds it.
func misspell(tree any, path string, try func(path, wrong string), set func(any)) {
	switch tree := tree.(type) {
	case map[string]any:
		for key, value := range maps.Clone(tree) {
			at := path + "." + key
			// The keys of labels are the user's own.
			if key == "labels" || key == "matchLabels" {
				continue
			}
			wrong := key + "x"
			delete(tree, key)
			tree[wrong] = value
			try(at, wrong)
			delete(tree, wrong)
			tree[key] = value
			misspell(value, at, try, func(v any) { tree[key] = v })
		}
	case []any:
		for i, value := range tree {
			misspell(value, fmt.Sprintf("%s[%d]", path, i), try, func(v any) { tree[i] = v })
		}
	case string:
		var inner map[string]any
		if json.Unmarshal([]byte(tree), &inner) != nil {
			return
		}
		misspell(inner, path, func(path, wrong string) {
			text, err := json.Marshal(inner)
			if err != nil {
				panic(err) // it came out of json.Unmarshal
			}
			set(string(text))
			try(path, wrong)
			set(tree)
		}, func(any) {})
	}
}
