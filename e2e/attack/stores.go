package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/qwenvoy/qwenvoy/e2e/process"
	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// A redisServer is one of the attacker's own.
type redisServer struct {
	*process.Process
	port int
	dir  string
}

func (s *redisServer) url() string { return fmt.Sprintf("redis://127.0.0.1:%d/0", s.port) }

// startRedis starts a Redis that ends with the round; nil, and the round is skipped, where there
// is none.
func startRedis(r *round) (*redisServer, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		r.skipped = "no redis-server here"
		return nil, nil
	}
	port, err := process.FreePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(r.stage.scratch, "redis-")
	if err != nil {
		return nil, err
	}
	s := &redisServer{port: port, dir: dir}
	if err := s.start(); err != nil {
		return nil, err
	}
	r.atEnd(func() { _ = s.Signal(syscall.SIGKILL) })
	return s, nil
}

// start starts it, and again after it was killed: then with what it had.
func (s *redisServer) start() (err error) {
	s.Process, err = process.Start(s.dir, nil, "redis-server", "--port", fmt.Sprint(s.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always")
	if err != nil {
		return err
	}
	return s.Until("Redis", func() bool {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", s.port), time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// A storm is what is asked of a gateway whose store does not work: each with a request whose
// answer needs it, and one that does not.
type storm struct {
	r    *round
	c    *client
	kept string // a response that was stored before
}

// strike asks for everything at once. Nothing hangs; what needs the store is refused, what
// needs none is served. late: the store may or may not be back.
func (s *storm) strike(ctx context.Context, when string, n int, late bool) {
	type question struct {
		method, path, body string
		needs              bool
	}
	create := func(members string) string { return `{"model":"` + instruct + `","input":"hello"` + members + `}` }
	all := []question{
		{"POST", "/v1/chat/completions", `{"model":"` + instruct + `","messages":[{"role":"user","content":"hello"}]}`, false},
		{"POST", "/v1/messages", `{"model":"` + instruct + `","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`, false},
		{"POST", "/v1/responses", create(`,"store":false`), false},
		{"POST", "/v1/responses", create(""), false},
		{"POST", "/v1/responses", create(`,"stream":true`), false},
		{"GET", "/v1/models", "", false},
		{"GET", "/health", "", false},
		{"GET", "/v1/responses/" + s.kept, "", true},
		{"POST", "/v1/responses", create(`,"previous_response_id":"` + s.kept + `"`), true},
		{"POST", "/v1/responses", create(`,"background":true`), true},
		{"POST", "/v1/conversations", `{"items":[{"role":"user","content":"hello"}]}`, true},
		{"DELETE", "/v1/responses/resp_" + strings.Repeat("0", 32), "", true},
	}
	var questions []question
	for range n {
		questions = append(questions, all...)
	}
	each(questions, 12, func(q question) {
		a := s.c.ask(ctx, q.method, q.path, q.body)
		s.r.tried.Add(1)
		switch {
		case a.err != nil:
			s.r.problem("%s: %s %s %s: %v", when, q.method, q.path, q.body, a.err)
		case q.needs && !late && a.status < 400:
			s.r.problem("%s: %s %s %s is served: %d %s", when, q.method, q.path, q.body, a.status, a.text)
		case !q.needs && a.status != http.StatusOK:
			s.r.problem("%s: %s %s %s: %d %s", when, q.method, q.path, q.body, a.status, a.text)
		}
	})
}

// returned waits until what was stored before is there again.
func (s *storm) returned(ctx context.Context, when string) {
	for until := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		a := s.c.ask(ctx, "GET", "/v1/responses/"+s.kept, "")
		b := s.c.ask(ctx, "POST", "/v1/responses", `{"model":"`+instruct+`","input":"hello","store":true}`)
		if a.status == http.StatusOK && b.status == http.StatusOK && b.get("store") == "true" {
			return
		}
		if time.Now().After(until) {
			s.r.problem("%s: the store does not come back: %d %s, %d %s", when, a.status, a.text, b.status, b.text)
			return
		}
	}
}

// stoppedRedis stops a Redis, lets it go on, kills it and starts it again, under load.
func stoppedRedis(ctx context.Context, r *round) error {
	redis, err := startRedis(r)
	if err != nil || redis == nil {
		return err
	}
	g, err := r.open(r.serve(simulator.New(simulator.Options{MaxModelLen: 8192})), map[string]any{"store": map[string]any{"redis": redis.url()}})
	if err != nil {
		return err
	}
	s := storm{r: r, c: r.reach(g)}
	s.kept = s.c.ask(ctx, "POST", "/v1/responses", `{"model":"`+instruct+`","input":"hello"}`).get("id")
	n := r.size(2, 10)
	for range r.size(1, 3) {
		if err := redis.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		s.strike(ctx, "Redis stopped", n, false)
		if err := redis.Signal(syscall.SIGCONT); err != nil {
			return err
		}
		s.returned(ctx, "Redis goes on")
		_ = redis.Signal(syscall.SIGKILL)
		<-redis.Done()
		s.strike(ctx, "Redis killed", n, false)
		if err := redis.start(); err != nil {
			return err
		}
		s.returned(ctx, "Redis started again")
		s.strike(ctx, "Redis back", n, true)
	}
	return nil
}

// fullDisk lets the file's disk run full, and makes room again.
func fullDisk(ctx context.Context, r *round) error {
	dir, err := os.MkdirTemp(r.stage.scratch, "disk-")
	if err != nil {
		return err
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", dir).CombinedOutput(); err != nil {
		r.skipped = "a small disk can't be mounted: " + strings.TrimSpace(string(out))
		return nil
	}
	r.atEnd(func() { _ = exec.Command("umount", dir).Run() })
	config := map[string]any{"store": map[string]any{"folder": filepath.Join(dir, "store"), "max_size": "1GiB"}}
	target := r.serve(simulator.New(simulator.Options{MaxModelLen: 262144}))
	g, err := r.open(target, config)
	if err != nil {
		return err
	}
	s := storm{r: r, c: r.reach(g)}
	s.kept = s.c.ask(ctx, "POST", "/v1/responses", `{"model":"`+instruct+`","input":"hello"}`).get("id")
	filler := filepath.Join(dir, "filler")
	for range r.size(1, 3) {
		if err := fill(filler); err != nil {
			return err
		}
		stored := 0
		large := `{"model":"` + instruct + `","input":"` + strings.Repeat("large ", 30_000) + `"}`
		for range 40 { // what room there is within the file
			a := s.c.ask(ctx, "POST", "/v1/responses", large)
			r.tried.Add(1)
			switch {
			case a.err != nil || a.status != http.StatusOK:
				r.problem("disk full: %d %v %s", a.status, a.err, a.text)
			case a.get("store") == "true":
				stored++
				if b := s.c.ask(ctx, "GET", "/v1/responses/"+a.get("id"), ""); b.status != http.StatusOK {
					r.problem("disk full: said to be stored, and then %d %s", b.status, b.text)
				}
			}
		}
		if stored == 40 {
			r.problem("the disk did not run full")
		}
		s.strike(ctx, "disk full", r.size(2, 10), true) // what is small may still have room
		if a := s.c.ask(ctx, "GET", "/v1/responses/"+s.kept, ""); a.status != http.StatusOK {
			r.problem("disk full: what was stored can't be read: %d %s", a.status, a.text)
		}
		if err := os.Remove(filler); err != nil {
			return err
		}
		s.returned(ctx, "room again")
	}
	// A process that starts on a full disk, or doesn't, leaves the file as it is.
	r.close(g)
	if err := fill(filler); err != nil {
		return err
	}
	if full, err := r.stage.startBinary(settings(target, config)); err == nil {
		full.Stop()
	}
	if err := os.Remove(filler); err != nil {
		return err
	}
	if g, err = r.open(target, config); err != nil {
		return err
	}
	s.c = r.reach(g)
	s.returned(ctx, "started again")
	return nil
}

// fill writes a file that takes all the room that its disk has.
func fill(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	piece := make([]byte, 4<<10)
	for {
		if _, err := f.Write(piece); err != nil {
			return nil // no room is left
		}
	}
}
