package doctor

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzEnvoy wants an answer to any file, and no more time or memory than its size explains.
func FuzzEnvoy(f *testing.F) {
	for _, pattern := range []string{"../../envoy.yaml", deployed + "istio/*.yaml", deployed + "envoy-gateway/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	name := filepath.Join(f.TempDir(), "envoy.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		r := &Report{}
		r.envoy(nil, []string{name})
		r.conclude(true)
		if len(r.Rows) == 0 {
			t.Error("nothing is said")
		}
	})
}
