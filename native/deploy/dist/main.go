package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// targets are the systems that the binary is built for.
var targets = []target{
	{"linux", "amd64", native},
	{"linux", "arm64", native},
	{"darwin", "amd64", native},
	{"darwin", "arm64", native},
	{"windows", "amd64", native},
	{"windows", "arm64", native},
}

func main() {
	repository := flag.String("source", ".", "the repository")
	commit := flag.String("commit", "HEAD", "what the release is made of; files that are not committed are in none")
	out := flag.String("out", "dist", "folder to write to; what it holds is removed first")
	flag.Parse()
	made, err := run(*repository, *commit, *out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
	fmt.Printf("%s, of commit %s, is in %s\n", made.version, made.revision, *out)
}

func run(repository, commit, out string) (stamp, error) {
	s, remove, err := checkOut(repository, commit)
	if err != nil {
		return stamp{}, err
	}
	defer remove()
	r := &release{source: s, out: out}
	err = r.make()
	return r.stamp, err
}

// release is one run of the command.
type release struct {
	source source
	out    string
	stamp  stamp
	names  []string // of the files written
}

func (r *release) make() error {
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	binaries := map[string][]byte{} // of Linux, by architecture
	for _, t := range targets {
		p, err := r.build(t)
		if err != nil {
			return err
		}
		if err := r.archive(p); err != nil {
			return err
		}
		if t.os != "linux" {
			continue
		}
		binaries[t.arch] = p.code
		if err := r.packages(p); err != nil {
			return err
		}
	}
	filter, err := r.build(target{"wasip1", "wasm", wasm})
	if err != nil {
		return err
	}
	if err := r.write("qwenvoy_"+r.stamp.number()+".wasm", filter.code); err != nil {
		return err
	}
	if err := r.images(binaries, filter.code); err != nil {
		return err
	}
	return r.checksums()
}

// build makes a program and writes its bill of materials. All programs bear one stamp, the
// first's, since only it can be read back (Go reads no stamp from a wasm module).
func (r *release) build(t target) (*program, error) {
	p, err := r.source.build(t)
	if err != nil {
		return nil, err
	}
	if r.stamp.version == "" {
		if r.stamp, err = readStamp(p.code); err != nil {
			return nil, err
		}
	}
	bom, err := billOfMaterials(p, r.stamp)
	if err != nil {
		return nil, err
	}
	return p, r.write(r.name(t)+".cdx.json", bom)
}

// name is that of what is made for a target, without its extension.
func (r *release) name(t target) string {
	if t.pkg == wasm {
		return "qwenvoy_" + r.stamp.number() + "_wasm"
	}
	return fmt.Sprintf("qwenvoy_%s_%s_%s", r.stamp.number(), t.os, t.arch)
}

func (r *release) archive(p *program) error {
	files, err := r.source.files(p)
	if err != nil {
		return err
	}
	name := r.name(p.target)
	for i := range files {
		files[i].name = name + "/" + files[i].name
	}
	if p.target.os == "windows" {
		packed, err := zipped(files, r.stamp.time)
		if err != nil {
			return err
		}
		return r.write(name+".zip", packed)
	}
	packed, err := gzipped(tarred(files, r.stamp.time))
	if err != nil {
		return err
	}
	return r.write(name+".tar.gz", packed)
}

func (r *release) packages(p *program) error {
	for _, format := range []string{"deb", "rpm"} {
		packed, err := linuxPackage(r.source, p, r.stamp, format)
		if err != nil {
			return fmt.Errorf("%s for %s: %w", format, p.target.arch, err)
		}
		if err := r.write(r.name(p.target)+"."+format, packed); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) images(binaries map[string][]byte, filter []byte) error {
	index, err := binaryIndex(binaries, r.stamp)
	if err != nil {
		return err
	}
	packed, err := layoutOf(index, r.stamp)
	if err != nil {
		return err
	}
	if err := r.write("qwenvoy_"+r.stamp.number()+"_image.oci.tar", packed); err != nil {
		return err
	}
	image, err := filterImage(filter, r.stamp)
	if err != nil {
		return err
	}
	if packed, err = layoutOf(image, r.stamp); err != nil {
		return err
	}
	return r.write("qwenvoy_"+r.stamp.number()+"_filter.oci.tar", packed)
}

func (r *release) write(name string, content []byte) error {
	r.names = append(r.names, name)
	return os.WriteFile(filepath.Join(r.out, name), content, 0o644)
}

// checksums writes what `sha256sum -c SHA256SUMS` reads.
func (r *release) checksums() error {
	slices.Sort(r.names)
	var sums bytes.Buffer
	for _, name := range r.names {
		content, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), name)
	}
	return r.write("SHA256SUMS", sums.Bytes())
}
