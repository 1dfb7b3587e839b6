package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A slowRun is many slow streams through one gateway, a chunk a second each.
type slowRun struct {
	gateway string // "" is none
	held    int    // open at once
	whole   int    // that reached their end
	// perStream is what the gateway's memory grew by at most, by stream.
	perStream float64
	cpu       time.Duration
	// late is how long after the backend wrote them chunks were read; of all chunks.
	lateP50, lateP99 time.Duration
}

// ramp is the time over which the streams are opened.
const ramp = 4 * time.Second

func (s *stage) measureSlowStreams(ctx context.Context) ([]slowRun, error) {
	backend, address, err := s.startListening("backend", "-gap", "1s", "-chunks", strconv.Itoa(s.options.chunks))
	if err != nil {
		return nil, err
	}
	defer backend.Stop()
	runs := []slowRun{s.slowStreams("", 0, address)}
	for _, name := range s.options.gateways() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		g, err := s.start(name, s.options.bin, address) // fresh, for its memory
		if err != nil {
			return nil, err
		}
		run := s.slowStreams(name, g.PID(), g.address)
		g.Stop()
		if run.whole == 0 {
			return nil, fmt.Errorf("slow streams: none got through %s; its log:\n%s", name, g.Log())
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func (s *stage) slowStreams(name string, pid int, address string) slowRun {
	n := s.options.streams
	body := smallChat(true)
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", chatPath, address, len(body), body)
	run := slowRun{gateway: name}
	var open, whole atomic.Int64
	var mu sync.Mutex
	var late []time.Duration
	var idle, peak int64
	var cpu time.Duration
	if pid != 0 {
		idle, cpu = residentBytes(pid), cpuTime(pid)
	}
	finished, sampled := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(sampled)
		for {
			select {
			case <-finished:
				return
			case <-time.After(200 * time.Millisecond):
				run.held = max(run.held, int(open.Load()))
				if pid != 0 {
					peak = max(peak, residentBytes(pid))
				}
			}
		}
	}()
	start := time.Now()
	limit := start.Add(ramp + time.Duration(s.options.chunks)*time.Second + patience)
	var wg sync.WaitGroup
	for i := range n {
		time.Sleep(time.Until(start.Add(ramp * time.Duration(i) / time.Duration(n))))
		wg.Go(func() {
			times, ok := slowStream(address, request, limit, &open)
			if ok {
				whole.Add(1)
			}
			mu.Lock()
			late = append(late, times...)
			mu.Unlock()
		})
	}
	wg.Wait()
	close(finished)
	<-sampled
	run.whole = int(whole.Load())
	if pid != 0 {
		run.cpu = cpuTime(pid) - cpu
		run.perStream = float64(peak-idle) / float64(max(1, run.held))
	}
	if len(late) > 0 {
		slices.Sort(late)
		run.lateP50, run.lateP99 = late[len(late)/2], late[len(late)*99/100]
	}
	progress("slow streams: %-13s held %d, whole %d, %.1f KiB each, late p50 %.2f ms, p99 %.1f ms", name, run.held, run.whole, run.perStream/1024, ms(run.lateP50), ms(run.lateP99))
	return run
}

// slowStream reads one stream and returns how late its chunks came, and whether it
// reached its end.
func slowStream(address string, request []byte, limit time.Time, open *atomic.Int64) (late []time.Duration, whole bool) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, false
	}
	defer conn.Close()
	_ = conn.SetDeadline(limit)
	if _, err := conn.Write(request); err != nil {
		return nil, false
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, false
	}
	open.Add(1)
	defer open.Add(-1)
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if t, ok := sentTime(lines.Bytes()); ok {
			late = append(late, time.Since(t))
		}
		whole = whole || bytes.Equal(lines.Bytes(), []byte("data: [DONE]"))
	}
	return late, whole && lines.Err() == nil
}

// sentTime reads when the backend wrote a chunk.
func sentTime(line []byte) (time.Time, bool) {
	_, rest, ok := bytes.Cut(line, []byte(sentAt))
	if !ok {
		return time.Time{}, false
	}
	digits, _, _ := bytes.Cut(rest, []byte(`"`))
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return time.Unix(0, n), err == nil
}
