package service

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/settings"
)

// through is a client that reaches a gateway by its Unix socket.
func through(t *testing.T, path string) *http.Client {
	c := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", path)
	}}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// runOn is run where the configuration says where to listen.
func runOn(t *testing.T, flags settings.Flags) *running {
	t.Helper()
	r := &running{signals: make(chan os.Signal, 4), log: &output{}, ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		r.ended <- Run(ctx, options(flags, r.log, r.signals))
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	r.logged(t, `"msg":"serving"`)
	return r
}

func onSocket(target, path string) settings.Flags {
	flags, listen := upstream(target), "unix:"+path
	flags.Listen = &listen
	return flags
}

func TestAUnixSocket(t *testing.T) {
	begun, finish := make(chan struct{}, 1), make(chan struct{})
	close(finish)
	path := filepath.Join(t.TempDir(), "socket")
	r := runOn(t, onSocket(slow(t, begun, finish), path))
	r.logged(t, `"address":"unix:`+path+`"`)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v, %v", info, err)
	}
	c := through(t, path)
	resp, err := c.Post("http://localhost/v1/chat/completions", "application/json", io.MultiReader(
		strings.NewReader(`{"model":"qwen3.5-thinking-coding","stream":true,"messages":[{"role":"user","content":"`),
		bytes.NewReader(bytes.Repeat([]byte("word "), 1<<18)), strings.NewReader(`"}]}`)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || strings.Count(string(text), "word") != 2 || !strings.HasSuffix(string(text), "data: [DONE]\n\n") {
		t.Errorf("%v: %s", err, text)
	}
	r.logged(t, `"client":"unix"`)
	if strings.Contains(r.log.String(), "beyond loopback") {
		t.Error("a socket counts as beyond this machine")
	}
	// As on loopback, this machine's names alone are served.
	resp, err = c.Get("http://evil.test/health")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign host is %d", resp.StatusCode)
	}
	r.signals <- syscall.SIGTERM
	r.stopped(t)
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestASocketThatAProcessHasDiedOverIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	_ = dead.Close()
	runOn(t, onSocket(plain(t), path))
	resp, err := through(t, path).Get("http://localhost/health")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// What else stands at the path is left alone, and said.
func TestWhatIsNoDeadSocketIsLeftAlone(t *testing.T) {
	folder := t.TempDir()
	file, living := filepath.Join(folder, "file"), filepath.Join(folder, "living")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", living)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for path, want := range map[string]string{
		file:   "there is a file that is no socket",
		living: "another process serves on this socket",
		filepath.Join(folder, "nowhere", "socket"): "no such file or directory",
	} {
		if err := Run(t.Context(), options(onSocket(plain(t), path), io.Discard, nil)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Type() != 0 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if info, err := os.Stat(living); err != nil || info.Mode().Type() != fs.ModeSocket {
		t.Errorf("the other's socket: %v, %v", info, err)
	}
}

// The warning follows what is bound.
func TestWhichListenersAreThisMachines(t *testing.T) {
	bound := func(network, address string) net.Listener {
		ln, err := net.Listen(network, address)
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { _ = ln.Close() })
		return ln
	}
	near, far := bound("tcp", "127.0.0.1:0"), bound("tcp", "0.0.0.0:0")
	socket := bound("unix", filepath.Join(t.TempDir(), "socket"))
	for _, tt := range []struct {
		sockets []net.Listener
		want    bool
	}{{[]net.Listener{near}, true}, {[]net.Listener{socket, near}, true}, {[]net.Listener{far}, false}, {[]net.Listener{socket, far}, false}} {
		if l := fromSystemd(tt.sockets); l.loopback != tt.want {
			t.Errorf("%s: %v", l, l.loopback)
		}
	}
}
