package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// binaryConfig is how the binary's image runs: as native/deploy/Dockerfile says.
var binaryConfig = v1.Config{
	User:         "65532:65532",
	Env:          []string{"QWENVOY_LISTEN=0.0.0.0"},
	ExposedPorts: map[string]struct{}{"9000": {}},
	Healthcheck: &v1.HealthConfig{
		Test:     []string{"CMD", "/qwenvoy", "health"},
		Interval: 30 * time.Second, Timeout: 10 * time.Second, StartPeriod: 5 * time.Second, Retries: 3,
	},
	StopSignal: "SIGTERM",
	Entrypoint: []string{"/qwenvoy"},
}

// plainImage has no artifact type, which the library would write into an index although only
// artifacts have one: older tools drop it, and with it the index's digest.
type plainImage struct{ v1.Image }

// ArtifactType is what the library asks for.
func (plainImage) ArtifactType() (string, error) { return "", nil }

// binaryIndex is the binary's image for each architecture, under one name.
func binaryIndex(binaries map[string][]byte, s stamp) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range slices.Sorted(maps.Keys(binaries)) {
		image, err := image("linux", arch, []file{
			{"etc/ssl/certs/ca-certificates.crt", 0o644, roots()}, // for an upstream behind https
			{"qwenvoy", 0o755, binaries[arch]},
		}, binaryConfig, s)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        plainImage{image},
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return index, nil
}

// filterImage is the module in the one form that Istio's agent and Envoy Gateway both take:
// plugin.wasm in the last layer, a tar.gz. It is no index, in which they would look for linux/amd64.
func filterImage(module []byte, s stamp) (v1.Image, error) {
	return image("wasip1", "wasm", []file{{"plugin.wasm", 0o644, module}}, v1.Config{}, s)
}

func image(system, arch string, files []file, config v1.Config, s stamp) (v1.Image, error) {
	packed := tarred(files, s.time)
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(packed)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	about := map[string]string{
		"org.opencontainers.image.title":    "Qwenvoy",
		"org.opencontainers.image.source":   "https://github.com/qwenvoy/qwenvoy",
		"org.opencontainers.image.licenses": "MIT",
		"org.opencontainers.image.version":  s.version,
		"org.opencontainers.image.revision": s.revision,
		"org.opencontainers.image.created":  s.time.UTC().Format(time.RFC3339),
	}
	config.Labels = about
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: system, Architecture: arch, Config: config, Created: v1.Time{Time: s.time.UTC()}, RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	made := v1.History{Created: v1.Time{Time: s.time.UTC()}, CreatedBy: "dist"}
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: made})
	if err != nil {
		return nil, err
	}
	return mutate.Annotations(image, about).(v1.Image), nil
}

// layoutOf packs an image or an index as a tar of an OCI layout, tagged with the version.
func layoutOf(of mutate.Appendable, s stamp) ([]byte, error) {
	folder, err := os.MkdirTemp("", "qwenvoy-layout-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return nil, err
	}
	tag := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": s.number()})
	switch of := of.(type) {
	case v1.Image:
		err = path.AppendImage(of, tag)
	case v1.ImageIndex:
		err = path.AppendIndex(of, tag)
	default:
		err = fmt.Errorf("%T is no image", of)
	}
	if err != nil {
		return nil, err
	}
	var files []file
	err = filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		inside, err := filepath.Rel(folder, name)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(name)
		files = append(files, file{filepath.ToSlash(inside), 0o644, content})
		return err
	})
	return tarred(files, s.time), err
}

// roots is Mozilla's list of certificate authorities, as the Go project keeps it. Those that
// are trusted for certificates up to a date only are left out, since PEM can't say so.
func roots() []byte {
	var text bytes.Buffer
	for r := range bundle.Roots() {
		if r.Constraint == nil {
			pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate})
		}
	}
	return text.Bytes()
}
