package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRedisGoneIsUnavailableUntilItIsBack(t *testing.T) {
	server := ownRedis(t, "--appendonly", "yes")
	s := open(t, Options{Redis: server.url(0)})
	put(t, s, "t", finished("a", ""))
	must(t, s.Start(ctx, "t", running("job", true), lease("o")))
	waits := make(chan error, 1)
	go func() {
		_, _, err := s.Events(ctx, "t", "job", 0, 1)
		waits <- err
	}()
	server.stop(syscall.SIGTERM)
	want(t, <-waits, ErrUnavailable)
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for range 20 { // whether a connection of the pool or a new one is tried
		want(t, s.Put(limited, "t", finished("b", "a")), ErrUnavailable)
		_, err := s.Chain(limited, "t", "a", unlimited)
		want(t, err, ErrUnavailable)
		_, _, err = s.Events(limited, "t", "job", 0, 1)
		want(t, err, ErrUnavailable)
	}

	must(t, server.start())
	deadline := time.Now().Add(patience)
	err := s.Put(ctx, "t", finished("b", "a"))
	for errors.Is(err, ErrUnavailable) && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
		err = s.Put(ctx, "t", finished("b", "a"))
	}
	must(t, err)
	turns, err := s.Chain(ctx, "t", "b", unlimited)
	must(t, err)
	equal(t, len(turns), 2)

	// Waiting works again, too.
	go func() {
		_, _, err := s.Events(ctx, "t", "job", 0, 1)
		waits <- err
	}()
	must(t, s.Append(ctx, "t", "job", "o", 0, [][]byte{[]byte("0")}))
	must(t, <-waits)
}

func TestARedisThatNeverAnswersIsUnavailable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	var log bytes.Buffer
	s := open(t, Options{Redis: "redis://" + l.Addr().String(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	want(t, s.Put(limited, "t", finished("a", "")), ErrUnavailable)
	if !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("the start said %q", log.String())
	}
}

func TestARedisThatIsFullIsUnavailable(t *testing.T) {
	server := ownRedis(t, "--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
	s := open(t, Options{Redis: server.url(0)})
	put(t, s, "t", finished("a", ""))
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		r := finished(fmt.Sprint(i), "")
		r.Object = bytes.Repeat([]byte("secret "), 10_000)
		err = s.Put(ctx, "t", r)
	}
	want(t, err, ErrUnavailable)
	if !strings.Contains(err.Error(), "OOM") || strings.Contains(err.Error(), "secret") {
		t.Errorf("it says %q", err)
	}
	if !there(t, s, "a") {
		t.Error("what was stored can't be read")
	}
}

func TestNoErrorShowsThePassword(t *testing.T) {
	server := ownRedis(t, "--requirepass", "right")
	for _, url := range []string{
		"redis://u:12345678@127.0.0.1:port",
		"http://u:12345678@127.0.0.1",
		"u:12345678@127.0.0.1:6379",
		"redis://u:12345678@127.0.0.1/x",
		"redis://127.0.0.1/0?password=12345678",
	} {
		if s, err := Open(Options{Redis: url}); err == nil {
			_ = s.Close()
			t.Errorf("%s is accepted", url)
		} else if strings.Contains(err.Error(), "1234") {
			t.Errorf("%s: %v", url, err)
		}
	}
	var log bytes.Buffer
	o := Options{Redis: fmt.Sprintf("redis://:12345678@127.0.0.1:%d/0", server.port), Log: slog.New(slog.NewTextHandler(&log, nil))}
	err := open(t, o).Put(ctx, "t", finished("a", ""))
	want(t, err, ErrUnavailable)
	if text := err.Error() + log.String(); strings.Contains(text, "1234") || !strings.Contains(text, "WRONGPASS") {
		t.Errorf("it says %s", text)
	}
	o.Redis = strings.Replace(o.Redis, "12345678", "right", 1)
	put(t, open(t, o), "t", finished("a", ""))
}
