package deploy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/qwenvoy/qwenvoy/native/service"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// soon bounds the wait for what must happen; nothing is said about how fast it does.
const soon = 30 * time.Second

// startGateway runs the gateway on loopback, in front of a server, for the sample's host.
func startGateway(t *testing.T, target string) (address string) {
	t.Helper()
	model, hosts := "m", "example.com"
	flags := &settings.Flags{Target: &target, ServedModel: &model, AllowedHosts: &hosts}
	bound, ended := make(chan string, 1), make(chan error, 1)
	signals := make(chan os.Signal, 2)
	go func() {
		ended <- service.Run(context.Background(), service.Options{
			Load: func() (*config.Config, error) {
				return settings.Load(flags, func(string) (string, bool) { return "", false })
			},
			Output:  io.Discard,
			Listen:  func(string) (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
			Signals: func() (<-chan os.Signal, func()) { return signals, func() {} },
			Serving: func(a net.Addr, _ *config.Config) { bound <- a.String() },
		})
	}()
	select {
	case address = <-bound:
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(soon):
		t.Fatal("the gateway does not serve")
	}
	t.Cleanup(func() {
		signals <- syscall.SIGTERM
		signals <- syscall.SIGTERM
		<-ended
	})
	return address
}

// certificate writes one for example.com as PEM files, and gives the pool that trusts it.
func certificate(t *testing.T, name string) *x509.CertPool {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	c := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for ext, block := range map[string]*pem.Block{
		".crt": {Type: "CERTIFICATE", Bytes: c.Certificate[0]},
		".key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name+ext, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// startNginx runs the sample in front of a gateway, for example.com, on a socket in a folder, and
// gives a client whose requests go there.
func startNginx(t *testing.T, gateway string) *http.Client {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("no nginx here; Debian's package nginx-light has it")
	} else if err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile("nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "nginx") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil { // nginx's workers run as somebody else
		t.Fatal(err)
	}
	socket := filepath.Join(folder, "socket")
	for _, change := range [][2]string{
		{"listen 443 ", "listen unix:" + socket + " "},
		{"/etc/nginx/gw.example.com", folder + "/gw.example.com"},
		{"server_name gw.example.com;", "server_name example.com;"},
		{"server 127.0.0.1:9000;", "server " + gateway + ";"},
	} {
		if !bytes.Contains(sample, []byte(change[0])) {
			t.Fatalf("nginx.conf has no %q", change[0])
		}
		sample = bytes.ReplaceAll(sample, []byte(change[0]), []byte(change[1]))
	}
	whole := fmt.Sprintf("pid %[1]s/pid;\nworker_processes 1;\nerror_log %[1]s/log;\nevents {}\nhttp {\naccess_log off;\n", folder)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		whole += fmt.Sprintf("%s_temp_path %s/%[1]s;\n", kind, folder)
	}
	configuration := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(configuration, []byte(whole+string(sample)+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pool := certificate(t, filepath.Join(folder, "gw.example.com"))

	// It goes into the background once its sockets are bound.
	if out, err := exec.Command(program, "-e", filepath.Join(folder, "log"), "-c", configuration).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() {
		text, err := os.ReadFile(filepath.Join(folder, "pid"))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGTERM)
		}
		if err != nil {
			t.Error(err)
		}
		if log, _ := os.ReadFile(filepath.Join(folder, "log")); t.Failed() {
			t.Logf("nginx: %s", log)
		}
	})
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: soon}
}

func TestNginxHandsOnStreamsBodiesAndSockets(t *testing.T) {
	const chunk = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":%q}}]}` + "\n\n"
	read := make(chan struct{}) // the client has the first chunk
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/chat/completions" {
			http.NotFound(w, r)
			return
		}
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, chunk, "first")
		w.(http.Flusher).Flush()
		select {
		case <-read:
			fmt.Fprintf(w, chunk+`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+
				"\n\ndata: [DONE]\n\n", "second")
		case <-r.Context().Done():
		}
	}))
	defer upstream.Close()
	client := startNginx(t, startGateway(t, upstream.URL))

	t.Run("a stream behind a body of 3 MB", func(t *testing.T) {
		body := `{"model":"qwen3.5-instruct-general","stream":true,"messages":[{"role":"user","content":"` + strings.Repeat("x", 3<<20) + `"}]}`
		resp, err := client.Post("https://example.com/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(resp.Body)
			t.Fatalf("%s: %s", resp.Status, text)
		}
		events := bufio.NewReader(resp.Body)
		for line := ""; !strings.Contains(line, "first"); {
			if line, err = events.ReadString('\n'); err != nil {
				t.Fatal(err) // held back until the second chunk, which waits for this
			}
		}
		close(read)
		rest, err := io.ReadAll(events)
		if err != nil || !bytes.Contains(rest, []byte("second")) || !bytes.HasSuffix(rest, []byte("data: [DONE]\n\n")) {
			t.Errorf("%v\n%s", err, rest)
		}
	})
	t.Run("a WebSocket", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		c, _, err := websocket.Dial(ctx, "wss://example.com/v1/responses", &websocket.DialOptions{HTTPClient: client})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		if err := c.Write(ctx, websocket.MessageText, []byte(`{"type":"nothing known"}`)); err != nil {
			t.Fatal(err)
		}
		if _, answer, err := c.Read(ctx); err != nil || !bytes.Contains(answer, []byte(`"error"`)) {
			t.Errorf("%s, %v", answer, err)
		}
	})
	t.Run("a page of the same host", func(t *testing.T) {
		r, err := http.NewRequest("GET", "https://example.com/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", "https://example.com")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s", resp.Status)
		}
	})
}
