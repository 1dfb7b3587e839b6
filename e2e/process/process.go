// Package process runs the programs under test (the binary, Envoy, the simulator) for
// as long as a test needs them, and ends no others. It imports nothing of this module.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// startLimit is generous: Envoy's V8 compiles the filter for 2 s, many times that on a busy machine.
const startLimit = 2 * time.Minute

// A Process is a program that was started and not waited for.
type Process struct {
	cmd  *exec.Cmd
	log  buffer
	done chan struct{} // closed when it has ended
	err  error         // of Wait, once done is closed
}

// Start starts a program in dir ("" is the working directory). env is added to the
// environment, as NAME=value. It dies with this process even when that is killed.
func Start(dir string, env []string, program string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	dieWithParent(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Log is what the program has written so far to its output and its errors.
func (p *Process) Log() string { return p.log.String() }

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode is the program's once Done is closed; -1 when a signal ended it.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Stop asks the program to end, twice, and kills it when it doesn't in 5 s.
func (p *Process) Stop() {
	for range 2 { // the binary drains on the first
		if p.Signal(syscall.SIGTERM) != nil {
			break
		}
	}
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// Ready waits until url answers 200.
func (p *Process) Ready(url string) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return p.Until(url+" to answer 200", func() bool {
		r, err := client.Get(url)
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// Until waits for a condition; it gives up when the program ends or after two minutes.
func (p *Process) Until(what string, ok func() bool) error {
	limit := time.After(startLimit)
	for {
		select {
		case <-p.done:
			return fmt.Errorf("process: %s ended (%v) while waiting for %s\n%s", p.cmd.Path, p.err, what, p.Log())
		case <-limit:
			return fmt.Errorf("process: waited in vain for %s\n%s", what, p.Log())
		case <-time.After(20 * time.Millisecond):
			if ok() {
				return nil
			}
		}
	}
}

// FreePort returns a TCP port of 127.0.0.1 that nobody listens on at this moment, for
// programs that can't be told to choose one.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("process: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(port)
	return n, errors.Join(err, l.Close())
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
