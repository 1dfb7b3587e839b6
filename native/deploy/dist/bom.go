package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// billOfMaterials lists what is linked into a program, and the program's own hash.
func billOfMaterials(p *program, s stamp) ([]byte, error) {
	own := sha256.Sum256(p.code)
	main := component(cyclonedx.ComponentTypeApplication, "github.com/qwenvoy/qwenvoy", s.version, hex.EncodeToString(own[:]))
	main.PackageURL += fmt.Sprintf("?goos=%s&goarch=%s#%s", p.target.os, p.target.arch, path.Clean(p.target.pkg))
	main.Licenses = &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "MIT"}}}
	parts := []cyclonedx.Component{component(cyclonedx.ComponentTypeLibrary, "std", strings.TrimPrefix(s.goes, "go"), "")}
	for _, m := range p.modules {
		// Go's h1 sum is a SHA-256, of the list of the module's files.
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:"))
		if err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("%s has the sum %q, which is no h1 sum", m.Path, m.Sum)
		}
		parts = append(parts, component(cyclonedx.ComponentTypeLibrary, m.Path, m.Version, hex.EncodeToString(sum)))
	}
	refs := make([]string, len(parts))
	for i := range parts {
		refs[i] = parts[i].BOMRef
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Timestamp: s.time.UTC().Format(time.RFC3339), Component: &main}
	bom.Components = &parts
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: main.BOMRef, Dependencies: &refs}}
	var text bytes.Buffer
	err := cyclonedx.NewBOMEncoder(&text, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6)
	return text.Bytes(), err
}

func component(kind cyclonedx.ComponentType, name, version, sum string) cyclonedx.Component {
	c := cyclonedx.Component{Type: kind, Name: name, Version: version, PackageURL: "pkg:golang/" + name + "@" + version}
	c.BOMRef = c.PackageURL
	if sum != "" {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: sum}}
	}
	return c
}
