package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// licenceFile is a file at a module's root that must be given on with its code.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)`)

// notices joins the licences of all that is linked into a program. Most ask to stand beside
// it; a module without one may not be given on at all, which is an error.
func (s source) notices(p *program) ([]byte, error) {
	root, err := s.goroot()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	text.WriteString("Qwenvoy is under the licence in LICENSE. It contains:\n")
	for _, m := range append([]module{{Path: "Go's standard library", Dir: root}}, p.modules...) {
		entries, err := os.ReadDir(m.Dir)
		if err != nil {
			return nil, err
		}
		found := false
		for _, e := range entries {
			if e.IsDir() || !licenceFile.MatchString(e.Name()) {
				continue
			}
			content, err := os.ReadFile(filepath.Join(m.Dir, e.Name()))
			if err != nil {
				return nil, err
			}
			found = true
			fmt.Fprintf(&text, "\n%s\n%s %s, %s\n\n%s\n", bytes.Repeat([]byte("="), 72), m.Path, m.Version, e.Name(), bytes.TrimSpace(content))
		}
		if !found {
			return nil, fmt.Errorf("%s %s has no licence in %s", m.Path, m.Version, m.Dir)
		}
	}
	return text.Bytes(), nil
}
