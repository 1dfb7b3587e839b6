package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // the formats register themselves
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// linuxPackage makes a deb or rpm: the binary, the unit, the example as configuration, and
// scripts that tell systemd. It starts nothing, since nobody has said yet where the server is.
func linuxPackage(s source, p *program, st stamp, format string) ([]byte, error) {
	folder, err := os.MkdirTemp("", "qwenvoy-package-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	given, err := s.files(p)
	if err != nil {
		return nil, err
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name:        "qwenvoy",
		Arch:        p.target.arch,
		Version:     st.version,
		Section:     "net",
		Priority:    "optional",
		Maintainer:  "The Qwenvoy maintainers <qwenvoy@users.noreply.github.com>",
		Vendor:      "Qwenvoy",
		Description: "Gateway for Qwen servers\nStands between coding agents or SDKs and a Qwen server (vLLM), and makes them fit.",
		Homepage:    "https://github.com/qwenvoy/qwenvoy",
		License:     "MIT",
		MTime:       st.time,
		Overridables: nfpm.Overridables{
			Recommends: []string{"ca-certificates"},
			RPM:        nfpm.RPM{BuildHost: "localhost"}, // else the machine's name
		},
	})
	for _, f := range given {
		name := filepath.Join(folder, f.name)
		content := f.content
		c := &files.Content{Source: name, FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: f.mode, MTime: st.time}}
		switch f.name {
		case "qwenvoy":
			c.Destination = "/usr/bin/qwenvoy"
		case "qwenvoy.service":
			c.Destination = "/usr/lib/systemd/system/qwenvoy.service"
			if content, err = packagedUnit(content); err != nil {
				return nil, err
			}
		case "qwenvoy.example.yaml":
			c.Destination, c.Type = "/etc/qwenvoy/qwenvoy.yaml", files.TypeConfigNoReplace
		case "LICENSE":
			c.Destination = "/usr/share/doc/qwenvoy/copyright"
		default:
			c.Destination = "/usr/share/doc/qwenvoy/" + f.name
		}
		if err := os.WriteFile(name, content, f.mode.Perm()|fs.ModePerm&0o600); err != nil {
			return nil, err
		}
		info.Contents = append(info.Contents, c)
	}
	info.Scripts = nfpm.Scripts{
		PostInstall: s.path("native/deploy/dist/scripts/postinstall.sh"),
		PreRemove:   s.path("native/deploy/dist/scripts/preremove.sh"),
		PostRemove:  s.path("native/deploy/dist/scripts/postremove.sh"),
	}
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return nil, err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	err = packager.Package(info, &packed)
	return packed.Bytes(), err
}

// packagedUnit is the unit with the binary where packages put it.
func packagedUnit(unit []byte) ([]byte, error) {
	own, packages := []byte("ExecStart=/usr/local/bin/qwenvoy "), []byte("ExecStart=/usr/bin/qwenvoy ")
	if bytes.Count(unit, own) != 1 {
		return nil, errors.New("qwenvoy.service has no single " + string(own))
	}
	return bytes.Replace(unit, own, packages, 1), nil
}
