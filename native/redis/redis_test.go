package redis

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/e2e/process"
)

// soon bounds the wait for what must happen; nothing is said about how fast it does.
const soon = 20 * time.Second

func open(t *testing.T, url string) *Client {
	t.Helper()
	c, err := Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// server starts a Redis of the test's own, which takes the password "right".
func server(t *testing.T) (url string) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatalf("this test needs redis-server, of the Debian package of that name: %v", err)
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(t.TempDir(), nil, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "right")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	url = "redis://:right@" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) + "/0"
	c := open(t, url)
	if err := p.Until("Redis", func() bool { return c.Ping(t.Context()) == nil }); err != nil {
		t.Fatal(err)
	}
	return url
}

func TestScriptsAndHashes(t *testing.T) {
	c := open(t, server(t))
	set := NewScript(`redis.call('HSET', KEYS[1], 'a', ARGV[1]) return 7`)
	if n, err := c.Run(t.Context(), set, []string{"key"}, "one"); n != int64(7) || err != nil {
		t.Errorf("%v, %v", n, err)
	}
	if list, err := c.List(t.Context(), NewScript(`return {'x', 2}`), nil); Text(list, 0) != "x" || Text(list, 1) != "" || Text(list, 2) != "" || len(list) != 2 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := c.List(t.Context(), set, []string{"key"}, "one"); err != ErrAnswer {
		t.Error(err)
	}
	if nothing, err := c.Run(t.Context(), NewScript(`return false`), nil); nothing != nil || err != nil {
		t.Errorf("%v, %v", nothing, err)
	}
	values, err := c.Fields(t.Context(), "key", "a", "b")
	if diff := cmp.Diff([]any{"one", nil}, values); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestAMessageIsHeard(t *testing.T) {
	url := server(t)
	c, heard := open(t, url), make(chan string, 1)
	c.Listen("channel", func(m string) { heard <- m })
	say := NewScript(`return redis.call('PUBLISH', 'channel', 'hello')`)
	for end := time.Now().Add(soon); ; time.Sleep(time.Millisecond) {
		n, err := open(t, url).Run(t.Context(), say, nil)
		if err != nil || time.Now().After(end) {
			t.Fatal(n, err)
		}
		if n == int64(1) {
			break
		}
	}
	select {
	case m := <-heard:
		if m != "hello" {
			t.Error(m)
		}
	case <-time.After(soon):
		t.Error("nothing was heard")
	}
	if err := c.Close(); err != nil { // ends the listening
		t.Error(err)
	}
}

func TestAnErrorShowsOneWordOfRedis(t *testing.T) {
	url := server(t)
	for text, c := range map[string]*Client{
		"redis: WRONGPASS": open(t, strings.Replace(url, "right", "sekret", 1)),
		"redis: ERR":       open(t, url),
	} {
		_, err := c.Run(t.Context(), NewScript(`return redis.call('SET', 'sekret')`), nil)
		var e *Error
		if !errors.As(err, &e) || err.Error() != text {
			t.Errorf("%v, want %s", err, text)
		}
	}
}

func TestWhoseFaultAnErrorIs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := open(t, "redis://"+l.Addr().String()) // it never answers
	var e *Error
	if err := c.Ping(t.Context()); !errors.As(err, &e) {
		t.Error(err)
	}
	over, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := c.Ping(over); err != context.Canceled {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Ping(t.Context()); !errors.As(err, &e) {
		t.Error(err)
	}
}

func TestAURLThatIsNotValidIsNotShown(t *testing.T) {
	for _, url := range []string{"redis://u:sekret@127.0.0.1:port", "http://u:sekret@127.0.0.1", "redis://127.0.0.1/0?password=sekret"} {
		if _, err := Open(url); err == nil || strings.Contains(err.Error(), "sekret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
