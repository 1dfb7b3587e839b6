package doctor

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/certificate/authority"
	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/native/simulator"
)

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes here")
	}
	target := serve(t, simulator.New(simulator.Options{}))
	config := func(more string) string {
		return "upstreams: [{url: '" + target + "', model: '" + simulator.DefaultModel + "'" + more + "}]\n"
	}
	const key = ", api_key: " + secret
	env := variables(map[string]string{"THE_KEY": secret})
	for _, tt := range []struct {
		name, text string
		mode       os.FileMode
		status     probe.Status
		found, fix string
	}{
		{"a key for all to read", config(key), 0o644, probe.Warn, "qwenvoy.yaml is 0644: others may read the keys in it", "chmod 600 "},
		{"a key for a group", config(key), 0o640, probe.Warn, "is 0640", "chmod 600 "},
		{"a key", config(key), 0o600, probe.OK, "no file is open", ""},
		{"a key's name", config(", api_key: '${THE_KEY}'"), 0o644, probe.OK, "no file is open", ""},
		{"no key", config(""), 0o644, probe.OK, "no file is open", ""},
		{"no key, for all to change", config(""), 0o666, probe.Warn, "is 0666: others may change it", "chmod 755 "},
		{"a password of Redis", config("") + "store: {redis: 'redis://u:" + secret + "@127.0.0.1:1'}\n", 0o644, probe.Warn, "may read the keys", "chmod 600"},
		{"a sealing key", config("") + "responses: {encryption_key: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}\n", 0o644, probe.Warn, "may read the keys", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, "qwenvoy.yaml", tt.text, tt.mode)
			r := examined(t, target, func(o *Options) { o.Flags.Config, o.Flags.Target, o.Flags.ServedModel, o.Env = &file, nil, nil, env })
			mustSay(t, r, "modes", tt.status, tt.found, tt.fix)
		})
	}
}

func TestModesOfTheStore(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes here")
	}
	target := serve(t, simulator.New(simulator.Options{}))
	folder := t.TempDir()
	file := filepath.Join(folder, "qwenvoy.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	look := func(folderMode, fileMode os.FileMode) *Report {
		t.Helper()
		for name, mode := range map[string]os.FileMode{folder: folderMode, file: fileMode} {
			if err := os.Chmod(name, mode); err != nil {
				t.Fatal(err)
			}
		}
		return examined(t, target, func(o *Options) { o.Flags.StoreFolder = &folder })
	}
	mustSay(t, look(0o700, 0o600), "modes", probe.OK, "no file is open", "")
	mustSay(t, look(0o755, 0o600), "modes", probe.Warn, "is 0755: others may look into", "chmod 700")
	mustSay(t, look(0o700, 0o644), "modes", probe.Warn, "qwenvoy.db is 0644: others may read stored prompts", "chmod 600")
	if os.Geteuid() == 0 {
		if err := os.Chown(file, 65532, -1); err != nil {
			t.Fatal(err)
		}
		mustSay(t, look(0o700, 0o600), "modes", probe.Warn, "belongs to user 65532", "chown 0 ")
	}
}

func TestListen(t *testing.T) {
	target := serve(t, simulator.New(simulator.Options{}))
	open := func(o *Options) { o.Flags.Listen = ptr("0.0.0.0") }
	mustSay(t, examined(t, target, nil), "listen", probe.OK, "from this machine alone", "")
	mustSay(t, examined(t, target, open), "listen", probe.Info, "0.0.0.0:9000 is beyond loopback", "")
	mustSay(t, examined(t, target, func(o *Options) { open(o); o.Env = keyed }), "listen", probe.Warn,
		"the configured key serves whoever reaches it", "listen: 127.0.0.1")
}

func TestStart(t *testing.T) {
	target := serve(t, simulator.New(simulator.Options{}))
	fails := func(err error) func(*Options) {
		return func(o *Options) { o.Bind = func(string) (net.Listener, error) { return nil, err } }
	}
	mustSay(t, examined(t, target, nil), "start", probe.OK, "the address is free", "")
	mustSay(t, examined(t, target, fails(syscall.EADDRINUSE)), "start", probe.Info, "127.0.0.1:9000 is in use, by this gateway if it runs", "")
	mustSay(t, examined(t, target, fails(syscall.EACCES)), "start", probe.Warn, "serve would not start: permission denied", "")
	folder := filepath.Join(write(t, "file", "", 0o600), "x")
	mustSay(t, examined(t, target, func(o *Options) { o.Flags.StoreFolder = &folder }), "start", probe.Warn, "not a directory", "")
}

func TestCertificate(t *testing.T) {
	target := serve(t, simulator.New(simulator.Options{}))
	folder := t.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(folder, name)
		authority.Write(t, path, text)
		return path
	}
	a := authority.New(t)
	long, longKey := a.Issue(t, 365*24*time.Hour)
	short, shortKey := a.Issue(t, 24*time.Hour)
	for _, tt := range []struct {
		name              string
		cert, key, client string
		status            probe.Status
		found             string
	}{
		{"good", file("long", long), file("long.key", longKey), file("ca", a.PEM), probe.OK, " is for "},
		{"soon over", file("short", short), file("short.key", shortKey), "", probe.Warn, "expires soon"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.Chmod(tt.key, 0o600); err != nil {
				t.Fatal(err)
			}
			file := write(t, "qwenvoy.yaml", "listen: 0.0.0.0\ntls: {cert: "+tt.cert+", key: "+tt.key+", client_ca: '"+tt.client+"'}\n", 0o600)
			r := examined(t, target, func(o *Options) { o.Flags.Config = &file })
			mustSay(t, r, "certificate", tt.status, tt.found, "")
			if tt.client != "" {
				mustSay(t, r, "listen", probe.OK, "for clients with a certificate alone", "")
				if runtime.GOOS != "windows" {
					if err := os.Chmod(tt.key, 0o644); err != nil {
						t.Fatal(err)
					}
					mustSay(t, examined(t, target, func(o *Options) { o.Flags.Config = &file }), "modes", probe.Warn, "may read the certificate's private key", "chmod 640")
				}
			}
		})
	}
}

func TestProxy(t *testing.T) {
	target := serve(t, simulator.New(simulator.Options{}))
	by := func(address string, err error) func(*Options) {
		return func(o *Options) {
			o.Proxy = func(*http.Request) (*url.URL, error) { u, _ := url.Parse(address); return u, err }
		}
	}
	mustSay(t, examined(t, target, nil), "proxy", probe.OK, "directly", "")
	mustSay(t, examined(t, target, by("http://me:"+secret+"@proxy.example:3128", nil)), "proxy", probe.Warn,
		"requests to 127.0.0.1 go through the environment's proxy, http://proxy.example:3128", "NO_PROXY=127.0.0.1")
	mustSay(t, examined(t, target, by("", errors.New(secret))), "proxy", probe.Fail, "is no address", "unset it")
	for host, want := range map[string]bool{
		"vllm": true, "vllm.qwen.svc.cluster.local": true, "10.1.2.3": true, "fd00::1": true, "localhost": true, "gpu.lan": true,
		"api.example.com": false, "8.8.8.8": false, "dashscope.aliyuncs.com": false,
	} {
		if near(host) != want {
			t.Errorf("near(%s) is %t", host, !want)
		}
	}
}
