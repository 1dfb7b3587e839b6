package service

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/settings"
)

// delayed is a gateway whose drain_delay no test waits for.
func delayed(t *testing.T, target string) *running {
	t.Helper()
	file := write(t, "upstreams: [{url: "+target+", model: Served}]\ntimeouts: {drain_delay: 1h, drain: 1h}\n")
	return run(t, settings.Flags{Config: &file})
}

func ready(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// Load balancers that ask are told, and requests served until they have noticed.
func TestRequestsAreServedWhileLoadBalancersNotice(t *testing.T) {
	begun, finish := make(chan struct{}, 1), make(chan struct{})
	close(finish)
	r := delayed(t, slow(t, begun, finish))
	if got := ready(t, r.url); got != 200 {
		t.Fatalf("status %d", got)
	}
	r.signals <- syscall.SIGTERM
	r.logged(t, `"msg":"stopping","signal":"terminated","in_flight":0,"drain_delay":"1h0m0s","drain":"1h0m0s"`)
	eventually(t, "/readyz says no", func() bool { return ready(t, r.url) == 503 })
	if s := <-stream(t, r.url); strings.Count(s, "word") != 2 || !strings.HasSuffix(s, "data: [DONE]\n\n") {
		t.Errorf("a stream that began afterwards: %q", s)
	}
	r.signals <- syscall.SIGTERM
	r.stopped(t)
	r.logged(t, `"ended_early":0`)
}

// Where nobody asks, there is nobody to wait for; nor is there for who presses Ctrl-C.
func TestNobodyIsWaitedForInVain(t *testing.T) {
	r := delayed(t, plain(t))
	r.signals <- syscall.SIGTERM
	r.stopped(t)

	r = delayed(t, plain(t))
	ready(t, r.url)
	r.signals <- os.Interrupt
	r.stopped(t)
}

// A drain says what it waits for, and asks systemd for time as long as it does.
func TestADrainIsReported(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	begun, finish := make(chan struct{}), make(chan struct{})
	r := runWith(t, upstream(slow(t, begun, finish)), func(o *Options) { o.reportEvery = time.Millisecond })
	text := stream(t, r.url)
	<-begun
	r.signals <- syscall.SIGTERM
	r.logged(t, `"msg":"draining","in_flight":1,"oldest_ms":`)
	buf := make([]byte, 4096)
	_ = conn.SetReadDeadline(time.Now().Add(soon))
	for extended := 0; extended < 3; {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if string(buf[:n]) == "EXTEND_TIMEOUT_USEC=3000" {
			extended++
		}
	}
	close(finish)
	if s := <-text; !strings.HasSuffix(s, "data: [DONE]\n\n") || strings.Contains(s, "error") {
		t.Errorf("the stream ended with %q", s)
	}
	// Nobody reads any more: what is sent there must not hold the process up.
	_ = conn.Close()
	r.stopped(t)
}

// Who is ended by it is told so, in a stream and where no reply has come.
func TestWhatADrainEndsIsTold(t *testing.T) {
	arrived, never := make(chan struct{}), make(chan struct{})
	defer close(never)
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost { // the prober's
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the client is gone
		select {
		case arrived <- struct{}{}:
		case <-r.Context().Done():
		}
		select {
		case <-never:
		case <-r.Context().Done():
		}
	})
	up := httptest.NewServer(silent)
	t.Cleanup(up.Close)
	r := run(t, upstream(up.URL))
	text := stream(t, r.url)
	<-arrived
	r.signals <- syscall.SIGTERM
	r.logged(t, `"msg":"stopping"`)
	r.signals <- syscall.SIGTERM
	if s := <-text; !strings.Contains(s, "The gateway is shutting down") || !strings.Contains(s, `"code":503`) {
		t.Errorf("a request without a reply: %q", s)
	}
	r.stopped(t)

	begun, finish := make(chan struct{}), make(chan struct{})
	defer close(finish)
	r = run(t, upstream(slow(t, begun, finish)))
	head, text := headed(t, r.url)
	<-begun
	<-head
	r.signals <- syscall.SIGTERM
	r.logged(t, `"msg":"stopping"`)
	r.signals <- syscall.SIGTERM
	if s := <-text; !strings.Contains(s, "The gateway is shutting down") || !strings.HasSuffix(s, "data: [DONE]\n\n") {
		t.Errorf("a stream: %q", s)
	}
	r.stopped(t)
}
