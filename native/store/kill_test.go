package store

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// writerVariable turns the test binary into a process that writes to a store until it is
// killed: the variable holds the folder, or a Redis URL.
const writerVariable = "QWENVOY_STORE_TEST_WRITER"

// roundVariable is a part of the writer's ids.
const roundVariable = "QWENVOY_STORE_TEST_ROUND"

const writers = 8

// keepWriting says each id that is stored on its standard output. Kinds of ids take
// turns: finished responses in chains, background responses, conversations.
func keepWriting(where string) {
	o := Options{Folder: where}
	if strings.Contains(where, "://") {
		o = Options{Redis: where}
	}
	s, err := Open(o)
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	round := os.Getenv(roundVariable)
	fmt.Println("started")
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			previous := ""
			for n := 0; ; n++ {
				id := fmt.Sprintf("%s-%d-%d", round, w, n)
				var err error
				switch n % 3 {
				case 0:
					err = s.Put(ctx, "t", large(id, previous))
					previous = id
				case 1:
					r := large(id, previous)
					r.Status, r.Logged = InProgress, true
					events := [][]byte{[]byte("0"), []byte("1"), []byte("2")}
					if err = s.Start(ctx, "t", r, lease("o")); err == nil {
						err = s.Append(ctx, "t", id, "o", 0, events[:2])
					}
					r.Status = Completed
					if err == nil {
						err = s.Finish(ctx, "t", "o", r, 2, events[2:])
					}
				case 2:
					err = s.CreateConversation(ctx, "t", &Conversation{ID: id, Object: []byte(id)}, list("1", "2"))
					if err == nil {
						err = s.AppendItems(ctx, "t", id, list("3", "4"))
					}
				}
				if err != nil {
					fmt.Println("failed", err)
					return
				}
				fmt.Println(id)
			}
		})
	}
	wait.Wait()
}

// large is a response that spans several pages of a file.
func large(id, previous string) *Response {
	r := finished(id, previous)
	r.Input = append(r.Input, Item{ID: id + ".long", JSON: bytes.Repeat([]byte(id), 1000)})
	r.Object = bytes.Repeat([]byte(id+"/"), 2000)
	return r
}

// A writer is such a process.
type writer struct {
	cmd    *exec.Cmd
	stored []string // acknowledged
	failed string
	ended  chan struct{}
	count  chan int
}

func startWriter(t *testing.T, where string, round int) *writer {
	t.Helper()
	w := &writer{cmd: exec.Command(os.Args[0]), ended: make(chan struct{}), count: make(chan int)}
	w.cmd.Env = append(os.Environ(), writerVariable+"="+where, fmt.Sprintf("%s=%d", roundVariable, round))
	w.cmd.Stderr = os.Stderr
	out, err := w.cmd.StdoutPipe()
	must(t, err)
	must(t, w.cmd.Start())
	go func() {
		defer close(w.ended)
		in := bufio.NewReader(out)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return // a line without its end was not acknowledged
			}
			switch line = strings.TrimSpace(line); {
			case strings.HasPrefix(line, "failed"):
				w.failed = line
			case line != "started":
				w.stored = append(w.stored, line)
				select {
				case w.count <- len(w.stored):
				default:
				}
			}
		}
	}()
	return w
}

// after waits until n ids are stored.
func (w *writer) after(t *testing.T, n int) {
	t.Helper()
	for timeout := time.After(patience); ; {
		select {
		case have := <-w.count:
			if have >= n {
				return
			}
		case <-w.ended:
			t.Fatal("the writer ended: " + w.failed)
		case <-timeout:
			t.Fatal("the writer is stuck")
		}
	}
}

func (w *writer) kill() {
	_ = w.cmd.Process.Signal(syscall.SIGKILL)
	<-w.ended
	_ = w.cmd.Wait()
}

// checkWhole finds all that was acknowledged, and whole what was not.
func checkWhole(t *testing.T, s Store, stored []string) {
	t.Helper()
	acknowledged := map[string]bool{}
	rounds := map[string]bool{}
	for _, id := range stored {
		acknowledged[id] = true
		round, _, _ := strings.Cut(id, "-")
		rounds[round] = true
	}
	for round := range rounds {
		for w := range writers {
			previous := ""
			for n := 0; ; n++ {
				id := fmt.Sprintf("%s-%d-%d", round, w, n)
				found := checkOne(t, s, id, previous, n, acknowledged[id])
				if !found {
					break // the one that was under way; nothing comes after it
				}
				delete(acknowledged, id)
				if n%3 == 0 {
					previous = id
				}
			}
		}
	}
	if len(acknowledged) > 0 {
		t.Errorf("acknowledged and not found: %v", acknowledged)
	}
}

func checkOne(t *testing.T, s Store, id, previous string, n int, acknowledged bool) (found bool) {
	t.Helper()
	if n%3 == 2 {
		c, err := s.Conversation(ctx, "t", id)
		if err != nil {
			return false
		}
		equal(t, string(c.Object), id)
		items, _, err := s.ConversationContext(ctx, "t", id, unlimited)
		must(t, err)
		if len(items) != 4 && (acknowledged || len(items) != 2) {
			t.Errorf("%s has %d items", id, len(items))
		}
		return true
	}
	h, object, err := s.Get(ctx, "t", id)
	if err != nil {
		return false
	}
	r := large(id, previous)
	equal(t, object, r.Object)
	if n%3 == 1 {
		events, err := [][]byte(nil), error(nil)
		if h.Status.Finished() {
			events, _, err = s.Events(ctx, "t", id, 0, 10)
			must(t, err)
		}
		if len(events) != 3 && (acknowledged || h.Status.Finished()) {
			t.Errorf("%s is %s with %d events", id, h.Status, len(events))
		}
		if !h.Status.Finished() {
			return true
		}
	}
	turns, err := s.Chain(ctx, "t", id, unlimited)
	must(t, err)
	last := turns[len(turns)-1]
	equal(t, [3]any{last.Previous, last.Input, last.Output}, [3]any{r.Previous, r.Input, r.Output})
	return true
}

func TestKilledInMidWriteNothingIsLostOrHalf(t *testing.T) {
	const kills = 6
	t.Run("file", func(t *testing.T) {
		folder := t.TempDir()
		var stored []string
		for round := range kills {
			w := startWriter(t, folder, round)
			w.after(t, 20+rand.IntN(150))
			w.kill()
			stored = append(stored, w.stored...)
			s := open(t, Options{Folder: folder})
			checkWhole(t, s, stored)
			must(t, s.Close())
		}
	})
	t.Run("redis", func(t *testing.T) {
		url := sharedRedis(t)
		var stored []string
		for round := range kills {
			w := startWriter(t, url, round)
			w.after(t, 20+rand.IntN(150))
			w.kill()
			stored = append(stored, w.stored...)
			checkWhole(t, open(t, Options{Redis: url}), stored)
		}
	})
	// Redis itself is killed, one that keeps its word as README tells to set it up.
	t.Run("redis itself", func(t *testing.T) {
		server := ownRedis(t, "--appendonly", "yes", "--appendfsync", "always")
		var stored []string
		for round := range 3 {
			w := startWriter(t, server.url(0), round)
			w.after(t, 20+rand.IntN(150))
			server.stop(syscall.SIGKILL)
			<-w.ended
			w.kill()
			if !strings.Contains(w.failed, ErrUnavailable.Error()) {
				t.Errorf("the writer said %q", w.failed)
			}
			stored = append(stored, w.stored...)
			must(t, server.start())
			checkWhole(t, open(t, Options{Redis: server.url(0)}), stored)
		}
	})
}
