package page

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/clients"
	"github.com/qwenvoy/qwenvoy/native/probe"
)

var update = flag.Bool("update", false, "write the page to testdata")

func TestPreferred(t *testing.T) {
	for accept, want := range map[string]bool{
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8": true, // Firefox
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8":            true, // Safari
		"*/*":                               false, // curl
		"":                                  false,
		"application/json":                  false,
		"application/json, text/html;q=0.9": false,
		"text/html;q=0.5, application/json;q=0.4": true,
		"TEXT/HTML":                   true,
		"text/*":                      true,
		"text/html;q=0, */*":          false,
		"text/html;q=nan":             false,
		"text/html;q=2":               false,
		"garbage,,;;, text/html":      true,
		"text/html, application/json": false,
		"application/xhtml+xml":       false,
	} {
		if got := Preferred(accept); got != want {
			t.Errorf("%q: %t", accept, got)
		}
	}
}

func root() *Root {
	return &Root{
		Version: "v1.2.3",
		Gateway: clients.New("http://gw.test:9000", []clients.Model{{Name: "my-coder", Profile: "thinking-coding", Window: 4096},
			{Name: "quick", Profile: "instruct-general", Window: 4096}}),
		Models:   []Model{{"my-coder", "thinking-coding", "on"}, {"quick", "instruct-general", "off"}},
		Served:   "Qwen/Qwen3.5-27B",
		Findings: []probe.Finding{{Check: "reach", Status: probe.OK, Found: "it answers"}, {Check: "model", Status: probe.Fail, Found: "it serves A", Fix: "--served-model A"}},
	}
}

func TestRoot(t *testing.T) {
	got, err := root().HTML()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/root.golden.html", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/root.golden.html")
	if err != nil || string(got) != string(want) {
		t.Errorf("testdata/root.golden.html (-update writes it anew): %v, got\n%s", err, got)
	}
}

// Whoever names a model, a host or a fault writes no markup.
func TestAllIsEscaped(t *testing.T) {
	const evil = `"'><script>alert(1)</script><img src=x onerror=y>`
	r := root()
	r.Version, r.Served = evil, evil
	r.Gateway = clients.New("http://"+evil, []clients.Model{{Name: evil, Profile: evil}})
	r.Models = []Model{{evil, evil, evil}}
	r.Findings = []probe.Finding{{Check: evil, Status: probe.Status(evil), Found: evil, Fix: evil}}
	got, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img", "onerror=y>"} {
		if strings.Contains(string(got), bad) {
			t.Errorf("%s stands there:\n%s", bad, got)
		}
	}
	if strings.Contains(text, "<script") || strings.Contains(text, "src=") || strings.Contains(text, " style=") {
		t.Error("the template loads or runs something")
	}
}
