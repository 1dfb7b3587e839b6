package store

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience is for what comes in milliseconds on a healthy machine.
const patience = 60 * time.Second

// A redisServer is a process of the tests' own.
type redisServer struct {
	port    int
	folder  string
	options []string
	process *exec.Cmd
}

func (s *redisServer) url(database int) string {
	return fmt.Sprintf("redis://127.0.0.1:%d/%d", s.port, database)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// startRedis starts a server on a free port; options are redis-server's.
func startRedis(folder string, options ...string) (*redisServer, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, fmt.Errorf("these tests need redis-server: install the Debian package redis-server (%w)", err)
	}
	var last error
	for range 5 { // somebody else may take the port first
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		s := &redisServer{port: port, folder: folder, options: options}
		if last = s.start(); last == nil {
			return s, nil
		}
	}
	return nil, last
}

func (s *redisServer) start() error {
	args := append([]string{"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.folder, "--save", "", "--databases", "1000", "--daemonize", "no"}, s.options...)
	log, err := os.OpenFile(filepath.Join(s.folder, "redis.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.process = exec.Command("redis-server", args...)
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.port), MaxRetries: -1})
	defer client.Close()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		info, err := client.Info(context.Background(), "server").Result()
		if err == nil && containsLine(info, "process_id:"+strconv.Itoa(s.process.Process.Pid)) {
			return nil
		}
		if err != nil && err.Error() == "NOAUTH Authentication required." {
			return nil
		}
		if s.process.ProcessState != nil {
			break
		}
	}
	s.stop(syscall.SIGKILL)
	text, _ := os.ReadFile(filepath.Join(s.folder, "redis.log"))
	return fmt.Errorf("redis-server did not start on port %d:\n%s", s.port, text)
}

func containsLine(text, line string) bool {
	for len(text) > 0 {
		i := 0
		for i < len(text) && text[i] != '\r' && text[i] != '\n' {
			i++
		}
		if text[:i] == line {
			return true
		}
		for i < len(text) && (text[i] == '\r' || text[i] == '\n') {
			i++
		}
		text = text[i:]
	}
	return false
}

func (s *redisServer) stop(signal os.Signal) {
	_ = s.process.Process.Signal(signal)
	_ = s.process.Wait()
}

// ownRedis is a server for one test.
func ownRedis(t testing.TB, options ...string) *redisServer {
	t.Helper()
	s, err := startRedis(t.TempDir(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(syscall.SIGKILL) })
	return s
}

// shared is the server of those tests that leave it alone; each has a database of its own.
var shared struct {
	sync.Mutex
	server   *redisServer
	folder   string
	database int
}

func sharedRedis(t testing.TB) (url string) {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		folder, err := os.MkdirTemp("", "qwenvoy-redis")
		if err != nil {
			t.Fatal(err)
		}
		s, err := startRedis(folder)
		if err != nil {
			os.RemoveAll(folder)
			t.Fatal(err)
		}
		shared.server, shared.folder = s, folder
	}
	shared.database++
	return shared.server.url(shared.database)
}

func TestMain(m *testing.M) {
	if folder := os.Getenv(writerVariable); folder != "" {
		keepWriting(folder)
		return
	}
	code := m.Run()
	if shared.server != nil {
		shared.server.stop(syscall.SIGKILL)
		os.RemoveAll(shared.folder)
	}
	os.Exit(code)
}
