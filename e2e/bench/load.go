package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A round is what one gateway did under one workload for a few seconds.
type round struct {
	perSecond float64
	cpu       time.Duration // of the gateway, per request
	p50, p99  time.Duration
	bad       int // answers that were cut, wrong or missing
}

// A load is a workload's results: rounds by gateway, in the same order for each.
type load struct {
	workload workload
	gateways []string
	rounds   map[string][]round
}

// loads are the results of all workloads, and the gateways' memory before and after.
type loads struct {
	loads               []load
	gateways            []string
	idleBytes, endBytes map[string]int64
}

const warmUp = 500 * time.Millisecond

func (s *stage) measureLoads(ctx context.Context) (loads, error) {
	var out loads
	var chosen []workload
	for _, w := range workloads {
		if s.options.part(w.name) {
			chosen = append(chosen, w)
		}
	}
	if len(chosen) == 0 {
		return out, nil
	}
	backend, address, err := s.startListening("backend")
	if err != nil {
		return out, err
	}
	defer backend.Stop()
	all, stop, err := s.startAll(ctx, address)
	if err != nil {
		return out, err
	}
	defer stop()
	out.idleBytes, out.endBytes = map[string]int64{}, map[string]int64{}
	for _, g := range all {
		out.gateways = append(out.gateways, g.name)
		out.idleBytes[g.name] = residentBytes(g.PID())
	}
	for _, w := range chosen {
		l, err := s.measureLoad(ctx, w, all)
		if err != nil {
			return out, err
		}
		out.loads = append(out.loads, l)
	}
	for _, g := range all {
		out.endBytes[g.name] = residentBytes(g.PID())
	}
	return out, nil
}

func (s *stage) measureLoad(ctx context.Context, w workload, all []*gateway) (load, error) {
	l := load{workload: w, rounds: map[string][]round{}}
	body := w.body()
	for _, g := range all {
		l.gateways = append(l.gateways, g.name)
		if r := s.round(w, body, g, min(warmUp, s.options.round)); r.perSecond == 0 {
			return l, fmt.Errorf("%s: no good answer through %s; its log:\n%s", w.name, g.name, g.Log())
		}
	}
	for n := range s.options.rounds {
		for i := range all {
			if err := ctx.Err(); err != nil {
				return l, err
			}
			g := all[(i+n)%len(all)] // none is always first or behind the same one
			r := s.round(w, body, g, s.options.round)
			l.rounds[g.name] = append(l.rounds[g.name], r)
			progress("%s, round %d: %-13s %6.0f/s, CPU %.3f ms, p99 %.1f ms, bad %d", w.name, n+1, g.name, r.perSecond, ms(r.cpu), ms(r.p99), r.bad)
		}
	}
	return l, nil
}

// round loads one gateway: each client sends its next request when it has the last
// answer.
func (s *stage) round(w workload, body []byte, g *gateway, length time.Duration) round {
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: */*\r\nAuthorization: Bearer sk-bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", w.path, g.address, len(body), body)
	clients := make([]client, s.options.clients)
	before, start := cpuTime(g.PID()), time.Now()
	var wg sync.WaitGroup
	for i := range clients {
		c := &clients[i]
		c.address, c.request, c.stream, c.model = g.address, request, w.stream, g.model
		if g.model == virtualModel {
			c.turned = w.turned
		}
		wg.Go(func() {
			defer c.disconnect()
			for time.Since(start) < length {
				c.once()
			}
		})
	}
	wg.Wait()
	elapsed, used := time.Since(start), cpuTime(g.PID())-before
	var r round
	var took []time.Duration
	reason := ""
	for _, c := range clients {
		r.bad += c.bad
		took = append(took, c.took...)
		if c.reason != "" {
			reason = c.reason
		}
	}
	if reason != "" {
		progress("%s through %s: bad answer: %s", w.name, g.name, reason)
	}
	if len(took) == 0 {
		return r
	}
	slices.Sort(took)
	r.perSecond, r.cpu = float64(len(took))/elapsed.Seconds(), used/time.Duration(len(took))
	r.p50, r.p99 = took[len(took)/2], took[len(took)*99/100]
	return r
}

// client sends one request after the other on a connection that it keeps. Beside
// net/http's client it costs little: gateway, backend and load share the cores.
type client struct {
	address string
	request []byte
	stream  bool
	model   string
	turned  func(body []byte, stream bool) bool // nil: the answer is the backend's

	conn net.Conn
	in   *bufio.Reader
	body bytes.Buffer

	took   []time.Duration // by good answers
	bad    int
	reason string // of the last bad one
}

const patience = time.Minute

func (c *client) once() {
	start := time.Now()
	status, err := c.exchange()
	whole := func() bool {
		if c.turned != nil {
			return c.turned(c.body.Bytes(), c.stream)
		}
		return wholeAnswer(c.body.Bytes(), c.stream, c.model)
	}
	if err == nil && status == http.StatusOK && whole() {
		c.took = append(c.took, time.Since(start))
		return
	}
	c.bad++
	c.reason = fmt.Sprintf("status %d, error %v, body of %d bytes ending %q", status, err, c.body.Len(), c.body.Bytes()[max(0, c.body.Len()-200):])
	c.disconnect()
	time.Sleep(10 * time.Millisecond) // failing is quick and must not keep the cores busy
}

func (c *client) exchange() (status int, err error) {
	c.body.Reset()
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", c.address, patience); err != nil {
			return 0, err
		}
		c.in = bufio.NewReaderSize(c.conn, 32<<10)
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := c.conn.Write(c.request); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(&c.body, resp.Body)
	if resp.Close {
		c.disconnect()
	}
	return resp.StatusCode, err
}

func (c *client) disconnect() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
