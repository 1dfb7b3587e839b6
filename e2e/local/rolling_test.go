package local

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/goccy/go-yaml"
	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/qwenvoy/qwenvoy/e2e/envoy"
	"github.com/qwenvoy/qwenvoy/e2e/process"
)

// A replica is a gateway that comes back on its port.
type replica struct {
	*process.Process
	port int
	args []string
}

// start starts the gateway, again where somebody else had the port for a moment.
func (r *replica) start(t *testing.T) {
	t.Helper()
	var err error
	for range 5 {
		if r.Process, err = process.Start("", nil, must[string](t)(binary()), append(r.args, "--port", fmt.Sprint(r.port))...); err != nil {
			t.Fatal(err)
		}
		if err = r.Ready(fmt.Sprintf("http://127.0.0.1:%d/readyz", r.port)); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// load is what clients ask for without a pause, and what went wrong with it.
type load struct {
	url  string
	stop chan struct{}
	done sync.WaitGroup

	streams, wholes, goneAway atomic.Int64

	mu    sync.Mutex
	wrong []string
}

func (l *load) failed(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

func (l *load) stopped() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

// requests sends one request after the other, every second one for a stream.
func (l *load) requests() {
	for n := 0; !l.stopped(); n++ {
		stream := n%2 == 0
		body := fmt.Sprintf(`{"model":%q,"stream":%v,"max_tokens":40,"messages":[{"role":"user","content":"Count to 20"}]}`, virtual, stream)
		resp, err := http.Post(l.url+chat, "application/json", strings.NewReader(body))
		if err != nil {
			l.failed("stream %v: %v", stream, err)
			continue
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		switch s := string(text); {
		case err != nil || resp.StatusCode != http.StatusOK || strings.Contains(s, `"error"`):
			l.failed("stream %v: %d, %v: %s", stream, resp.StatusCode, err, s)
		case stream && !strings.HasSuffix(s, "data: [DONE]\n\n"), !stream && !gjson.Get(s, "choices.0.finish_reason").Exists():
			l.failed("stream %v broke off: %s", stream, s)
		case stream:
			l.streams.Add(1)
		default:
			l.wholes.Add(1)
		}
	}
}

// sockets has a response on a socket and then waits, until it is told that the gateway goes
// away; then it takes another one.
func (l *load) sockets() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-l.stop
		cancel()
	}()
	for !l.stopped() {
		c, resp, err := websocket.Dial(ctx, l.url+"/v1/responses", nil)
		if err != nil {
			if ctx.Err() == nil && (resp == nil || resp.StatusCode != http.StatusServiceUnavailable) {
				l.failed("a socket: %v", err)
			}
			continue // what goes away takes no new ones, and says so
		}
		c.SetReadLimit(-1)
		if err := c.Write(ctx, websocket.MessageText, []byte(`{"type":"response.create","model":"`+virtual+`","input":"Count to 5"}`)); err != nil {
			l.failed("a socket's request: %v", err)
		}
		for {
			if _, _, err = c.Read(ctx); err != nil {
				break
			}
		}
		switch {
		case websocket.CloseStatus(err) == websocket.StatusGoingAway:
			l.goneAway.Add(1)
		case ctx.Err() == nil:
			l.failed("a socket ended with %v", err)
		}
		_ = c.CloseNow()
	}
}

// Two gateways behind the Envoy of native/deploy, updated one after the other under load: no
// request fails, no stream breaks off, and sockets are told to go.
func TestAnUpdateLosesNoRequest(t *testing.T) {
	needEnvoy(t)
	simPort := must[int](t)(process.FreePort())
	sim, err := process.Start("", nil, must[string](t)(binary()), "simulate", "--port", fmt.Sprint(simPort), "--served-model", served, "--chunk-delay", "20ms")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Stop)
	target := fmt.Sprintf("http://127.0.0.1:%d", simPort)
	if err := sim.Ready(target + "/health"); err != nil {
		t.Fatal(err)
	}
	text := must[[]byte](t)(os.ReadFile(filepath.Join(root, "native/deploy/envoy.yaml")))
	text = must[[]byte](t)(yaml.YAMLToJSON(text))
	set := func(path string, value any) {
		t.Helper()
		text = must[[]byte](t)(sjson.SetBytes(text, path, value))
	}
	set("admin.address.socket_address.port_value", 0)
	set("static_resources.listeners.0.address.socket_address.port_value", 0)
	replicas := make([]*replica, 2)
	for i := range replicas {
		r := &replica{port: must[int](t)(process.FreePort()), args: []string{"serve", "--target", target, "--served-model", served}}
		r.start(t)
		replicas[i] = r
		t.Cleanup(func() { r.Stop() })
		set(fmt.Sprintf("static_resources.clusters.0.load_assignment.endpoints.0.lb_endpoints.%d.endpoint.address.socket_address.port_value", i), r.port)
	}
	e, err := envoy.Run(os.Getenv("ENVOY_BIN"), t.TempDir(), text)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	healthy := func(r *replica) {
		t.Helper()
		if err := e.Until(fmt.Sprintf("the gateway on port %d to be healthy", r.port), func() bool {
			clusters, err := e.Get("/clusters")
			return err == nil && strings.Contains(clusters, fmt.Sprintf("127.0.0.1:%d::health_flags::healthy", r.port))
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range replicas {
		healthy(r)
	}
	l := &load{url: e.URLs["qwenvoy"], stop: make(chan struct{})}
	for range 6 {
		l.done.Go(l.requests)
	}
	for range 4 {
		l.done.Go(l.sockets)
	}
	for _, r := range replicas {
		streams, wholes := l.streams.Load(), l.wholes.Load()
		if err := e.Until("requests", func() bool { return l.streams.Load() > streams+5 && l.wholes.Load() > wholes+5 }); err != nil {
			t.Fatal(err)
		}
		old := r.Process
		if err := old.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		select {
		case <-old.Done():
		case <-time.After(2 * time.Minute):
			t.Fatalf("it still runs:\n%s", old.Log())
		}
		if old.ExitCode() != 0 || !strings.Contains(old.Log(), "ended_early=0") && !strings.Contains(old.Log(), `"ended_early":0`) {
			t.Errorf("exit code %d:\n%s", old.ExitCode(), old.Log())
		}
		r.start(t)
		healthy(r)
	}
	close(l.stop)
	l.done.Wait()
	for i, wrong := range l.wrong {
		if i == 10 {
			t.Errorf("and %d more", len(l.wrong)-i)
			break
		}
		t.Error(wrong)
	}
	t.Logf("%d streams, %d whole replies, %d sockets sent away", l.streams.Load(), l.wholes.Load(), l.goneAway.Load())
	if l.goneAway.Load() == 0 {
		t.Error("no socket was sent away")
	}
	if t.Failed() {
		t.Logf("Envoy's log:\n%s", e.Log())
	}
}
