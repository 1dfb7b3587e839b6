package envoy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/tidwall/gjson"
)

var bootstrapYAML = regexp.MustCompile(`(?m)^(static_resources|dynamic_resources):`)

// Configurations returns the path of every Envoy configuration below root: a YAML or
// JSON file with static_resources or dynamic_resources at its top level. Folders
// that hold what was built or fetched (bin, node_modules, dot-folders) are left out.
func Configurations(root string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if path != root && (name == "bin" || name == "node_modules" || strings.HasPrefix(name, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		switch filepath.Ext(path) {
		case ".yaml", ".yml":
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if bootstrapYAML.Match(text) {
				found = append(found, path)
			}
		case ".json":
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if gjson.GetBytes(text, "static_resources").Exists() || gjson.GetBytes(text, "dynamic_resources").Exists() {
				found = append(found, path)
			}
		}
		return nil
	})
	return found, err
}
