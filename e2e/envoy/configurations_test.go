package envoy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigurationsAreFoundByContentInAnyFolder(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"envoy.yaml":            "admin: {}\nstatic_resources: {}\n",
		"deep/er/one.yml":       "dynamic_resources:\n  ads_config: {}\n",
		"deep/two.json":         "{\n  \"static_resources\": {}\n}",
		"compose.yaml":          "services: {}\n",
		"deep/nested-only.yaml": "a:\n  static_resources: {}\n",
		"deep/other.json":       `{"model":"static_resources"}`,
		"notes.txt":             "static_resources:\n",
		".cache/envoy.yaml":     "static_resources: {}\n",
		"bin/envoy.yaml":        "static_resources: {}\n",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Configurations(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		filepath.Join(root, "deep/er/one.yml"),
		filepath.Join(root, "deep/two.json"),
		filepath.Join(root, "envoy.yaml"),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
