package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

var (
	repository = source{root: "../../.."}
	aStamp     = stamp{version: "v1.2.3", revision: "0123456789abcdef", goes: "go1.26.8", time: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	aProgram   = &program{target: target{"linux", "amd64", native}, code: []byte("amd64's code")}
)

// contents reads a tar into memory.
func contents(t *testing.T, packed io.Reader) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for r := tar.NewReader(packed); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if all[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" && h.Uname != "root" || !h.ModTime.Equal(aStamp.time) {
			t.Errorf("%s is %d:%d (%s), of %s", h.Name, h.Uid, h.Gid, h.Uname, h.ModTime)
		}
	}
}

// pushed hands a layout to a registry, as a user would, and names it there.
func pushed(t *testing.T, packed []byte, to string) name.Reference {
	t.Helper()
	folder := t.TempDir()
	for path, content := range contents(t, bytes.NewReader(packed)) {
		path = filepath.Join(folder, path)
		if strings.HasSuffix(path, "/") || len(content) == 0 {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/" + to)
	if err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "1.2.3" {
		t.Fatalf("the layout holds %+v", manifest.Manifests)
	}
	what := manifest.Manifests[0]
	if what.MediaType == types.OCIImageIndex {
		inner, err := index.ImageIndex(what.Digest)
		if err == nil {
			if raw, _ := inner.RawManifest(); bytes.Contains(raw, []byte("artifactType")) {
				t.Errorf("images are called artifacts: %s", raw)
			}
			err = remote.WriteIndex(ref, inner)
		}
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	image, err := index.Image(what.Digest)
	if err == nil {
		err = remote.Write(ref, image)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func lastLayer(t *testing.T, image v1.Image) map[string][]byte {
	t.Helper()
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	if media, err := layers[0].MediaType(); media != types.OCILayer {
		t.Fatalf("the layer is of the type %s (%v)", media, err)
	}
	packed, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	return contents(t, plain)
}

func TestTheBinarysImageIsPulledForEachArchitecture(t *testing.T) {
	index, err := binaryIndex(map[string][]byte{"amd64": []byte("amd64's code"), "arm64": []byte("arm64's code")}, aStamp)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := layoutOf(index, aStamp)
	if err != nil {
		t.Fatal(err)
	}
	ref := pushed(t, packed, "qwenvoy:1.2.3")
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: arch}))
		if err != nil {
			t.Fatal(err)
		}
		files := lastLayer(t, image)
		if got, want := string(files["qwenvoy"]), arch+"'s code"; got != want {
			t.Errorf("%s has %q", arch, got)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(files["etc/ssl/certs/ca-certificates.crt"]) {
			t.Errorf("%s has no certificate authorities", arch)
		}
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.Architecture != arch || config.OS != "linux" || !config.Created.Equal(aStamp.time) || config.Config.Labels["org.opencontainers.image.version"] != "v1.2.3" {
			t.Errorf("%s has the configuration %+v", arch, config)
		}
	}
}

// What Istio's agent and Envoy Gateway look for.
func TestTheFiltersImageIsOneLayerWithThePlugin(t *testing.T) {
	image, err := filterImage([]byte("a module"), aStamp)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := layoutOf(image, aStamp)
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Get(pushed(t, packed, "qwenvoy/filter:1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	if got.MediaType != types.OCIManifestSchema1 {
		t.Errorf("the tag names a %s: of an index linux/amd64 would be taken", got.MediaType)
	}
	if image, err = got.Image(); err != nil {
		t.Fatal(err)
	}
	if files := lastLayer(t, image); string(files["plugin.wasm"]) != "a module" {
		t.Errorf("the layer holds %q", files)
	}
}

// instruction is a line of a Dockerfile.
var instruction = regexp.MustCompile(`(?m)^([A-Z]+) (.*)$`)

func TestTheImageRunsAsTheDockerfileSays(t *testing.T) {
	text, err := os.ReadFile(repository.path("native/deploy/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	_, last, ok := strings.Cut(string(text), "FROM scratch")
	if !ok {
		t.Fatal("no FROM scratch")
	}
	c := binaryConfig
	quoted := func(words []string) string {
		text, _ := json.Marshal(words)
		return strings.ReplaceAll(string(text), `","`, `", "`)
	}
	seconds := func(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }
	h := c.Healthcheck
	want := map[string]string{
		"USER":       c.User,
		"ENV":        strings.Join(c.Env, " "),
		"EXPOSE":     "9000",
		"STOPSIGNAL": c.StopSignal,
		"ENTRYPOINT": quoted(c.Entrypoint),
		"HEALTHCHECK": fmt.Sprintf("--interval=%s --timeout=%s --start-period=%s --retries=%d CMD %s",
			seconds(h.Interval), seconds(h.Timeout), seconds(h.StartPeriod), h.Retries, quoted(h.Test[1:])),
	}
	for _, m := range instruction.FindAllStringSubmatch(last, -1) {
		if m[1] == "COPY" {
			continue
		}
		if m[2] != want[m[1]] {
			t.Errorf("the Dockerfile has %s %s, the image %q", m[1], m[2], want[m[1]])
		}
		delete(want, m[1])
	}
	if len(want) > 0 {
		t.Errorf("the Dockerfile is without %v", want)
	}
}

func TestAPackageIsMadeOfTheCommitAlone(t *testing.T) {
	for _, format := range []string{"deb", "rpm"} {
		first, err := linuxPackage(repository, aProgram, aStamp, format)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("TZ", "Asia/Tokyo")
		t.Setenv("SOURCE_DATE_EPOCH", "1")
		again, err := linuxPackage(repository, aProgram, aStamp, format)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Errorf("two packages of the format %s differ", format)
		}
	}
}

func TestThePackagedUnitStartsThePackagedBinary(t *testing.T) {
	unit, err := os.ReadFile(repository.path("native/deploy/qwenvoy.service"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := packagedUnit(unit)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(got, []byte("\nExecStart=/usr/bin/qwenvoy serve --config /etc/qwenvoy/qwenvoy.yaml\n")) {
		t.Errorf("%s", got)
	}
	if _, err := packagedUnit(got); err == nil {
		t.Error("a unit whose binary lies elsewhere was taken")
	}
}

func TestABillOfMaterialsNamesWhatIsLinked(t *testing.T) {
	p := *aProgram
	p.modules = []module{{Path: "example.com/a", Version: "v1.0.0", Sum: "h1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}}
	text, err := billOfMaterials(&p, aStamp)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"specVersion": "1.6"`, "pkg:golang/example.com/a@v1.0.0", "pkg:golang/std@1.26.8", "30313233", "2026-12-01T00:00:00Z"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	p.modules[0].Sum = ""
	if _, err := billOfMaterials(&p, aStamp); err == nil {
		t.Error("a module without a sum was taken")
	}
}

func TestAModuleWithoutALicenceIsNotGivenOn(t *testing.T) {
	p := *aProgram
	p.modules = []module{{Path: "example.com/a", Version: "v1.0.0", Dir: t.TempDir()}}
	if _, err := repository.notices(&p); err == nil {
		t.Error("it was")
	}
}

func TestTheRootsAreCertificateAuthorities(t *testing.T) {
	n := 0
	for rest := roots(); len(rest) > 0; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			t.Fatalf("what follows %d certificates is no PEM", n)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !c.IsCA {
			t.Errorf("certificate %d: %v", n, err)
		}
	}
	if n < 100 {
		t.Errorf("only %d certificates", n)
	}
}

func TestAVersionIsTakenFromAProgramOfACommit(t *testing.T) {
	if _, err := readStamp([]byte("no program")); err == nil {
		t.Error("a file that is no program has a version")
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := readStamp(code); err == nil {
		t.Errorf("a program that was built of no commit has %+v", s)
	}
}
