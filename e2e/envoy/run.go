package envoy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/e2e/process"
)

// A Running Envoy.
type Running struct {
	*process.Process
	// Admin is the admin page's URL.
	Admin string
	// URLs are the listeners' by name.
	URLs map[string]string
}

// Start starts an Envoy on 127.0.0.1 with a configuration made from the text of
// envoy.yaml and waits until it serves. dir is an empty folder of its own.
func Start(binary, dir string, envoyYAML []byte, listeners []Listener, wasm string) (*Running, error) {
	b := Bootstrap{Address: "127.0.0.1", Wasm: wasm, Listeners: listeners}
	text, err := b.JSON(envoyYAML)
	if err != nil {
		return nil, err
	}
	return Run(binary, dir, text)
}

// Run is Start with a whole configuration, in JSON, whose ports the kernel may choose.
func Run(binary, dir string, text []byte) (*Running, error) {
	config, adminFile := filepath.Join(dir, "envoy.json"), filepath.Join(dir, "admin")
	if err := os.WriteFile(config, text, 0o600); err != nil {
		return nil, err
	}
	p, err := process.Start("", nil, binary, "-c", config, "--admin-address-path", adminFile,
		"--disable-hot-restart", "--concurrency", "2", "-l", "warning")
	if err != nil {
		return nil, err
	}
	e := &Running{Process: p}
	if err := e.found(adminFile); err != nil {
		p.Stop()
		return nil, err
	}
	return e, nil
}

// found learns the addresses that the kernel chose.
func (e *Running) found(adminFile string) error {
	if err := e.Until("its admin page", func() bool {
		address, err := os.ReadFile(adminFile)
		e.Admin = "http://" + strings.TrimSpace(string(address))
		return err == nil && len(address) > 0
	}); err != nil {
		return err
	}
	if err := e.Ready(e.Admin + "/ready"); err != nil {
		return err
	}
	text, err := e.Get("/listeners?format=json")
	if err != nil {
		return err
	}
	e.URLs = map[string]string{}
	for _, l := range gjson.Get(text, "listener_statuses").Array() {
		a := l.Get("local_address.socket_address")
		e.URLs[l.Get("name").Str] = "http://" + net.JoinHostPort(a.Get("address").Str, strconv.Itoa(int(a.Get("port_value").Int())))
	}
	return nil
}

// Get fetches an admin page.
func (e *Running) Get(path string) (string, error) {
	r, err := http.Get(e.Admin + path)
	if err != nil {
		return "", fmt.Errorf("envoy: %w", err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return string(text), err
}
