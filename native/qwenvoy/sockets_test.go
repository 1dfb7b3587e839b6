//go:build linux

package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Sockets that systemd hands over are served, all of them, in the place of the address in the
// configuration; who may reach the gateway follows from them.
func TestSocketsOfSystemd(t *testing.T) {
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	name := filepath.Join(t.TempDir(), "socket")
	unix, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	var files []*os.File
	for _, ln := range []interface{ File() (*os.File, error) }{tcp.(*net.TCPListener), unix} {
		f, err := ln.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	log := &output{}
	cmd := exec.Command("sh", "-c", `LISTEN_FDS=2 LISTEN_PID=$$ exec "$0" "$@"`, path, "serve", "--served-model", "m", "--listen", "127.0.0.1:1")
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = files, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	eventually(t, "it serves", func() bool { return strings.Contains(log.String(), "serving") })

	_, port, _ := net.SplitHostPort(tcp.Addr().String())
	over := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", name)
	}}}
	for _, get := range []func() (*http.Response, error){
		func() (*http.Response, error) { return http.Get("http://127.0.0.1:" + port + "/health") },
		func() (*http.Response, error) { return over.Get("http://any.name.test/health") },
	} {
		resp, err := get()
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
	if s := log.String(); !strings.Contains(s, "beyond loopback") || !strings.Contains(s, "unix:"+name) {
		t.Errorf("the log is %s", s)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := <-ended; err != nil {
		t.Errorf("%v: %s", err, log)
	}
	// They are systemd's, and stay for the next process.
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
}
