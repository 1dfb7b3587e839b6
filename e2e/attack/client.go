package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"
	"github.com/tidwall/gjson"
)

// A client asks a gateway and gives up after a while, which is then a hang.
type client struct {
	url  string
	http *http.Client
}

// reach makes a client of a gateway, whose connections close with the round's end.
func (r *round) reach(g *gateway) *client {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	r.closing(transport.CloseIdleConnections)
	return &client{g.url, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// An answer is what came of a request. err tells that it broke off or never came.
type answer struct {
	status int
	header http.Header
	text   string
	err    error
}

func (a answer) hung() bool { return errors.Is(a.err, context.DeadlineExceeded) }

// get is a member of an answer in JSON.
func (a answer) get(path string) string { return gjson.Get(a.text, path).String() }

// ask sends a request and reads the whole answer. header is names and values in turn.
func (c *client) ask(ctx context.Context, method, path, body string, header ...string) answer {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	if body != "" {
		q.Header.Set("content-type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(q)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err}
}

// A socket is a WebSocket connection on /v1/responses.
type socket struct {
	conn *websocket.Conn
	ctx  context.Context
	stop context.CancelFunc
}

func (c *client) dial(ctx context.Context, header ...string) (*socket, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	conn, _, err := websocket.Dial(ctx, c.url+"/v1/responses", &websocket.DialOptions{HTTPClient: c.http, HTTPHeader: h})
	if err != nil {
		stop()
		return nil, err
	}
	conn.SetReadLimit(-1)
	return &socket{conn, ctx, stop}, nil
}

func (s *socket) close() {
	_ = s.conn.CloseNow()
	s.stop()
}

// turn sends a message and reads frames to one that ends it, which it returns with all frames.
func (s *socket) turn(message string) (last string, all []string, err error) {
	if err := s.conn.Write(s.ctx, websocket.MessageText, []byte(message)); err != nil {
		return "", nil, err
	}
	for {
		_, b, err := s.conn.Read(s.ctx)
		if err != nil {
			return "", all, err
		}
		all = append(all, string(b))
		switch gjson.GetBytes(b, "type").Str {
		case "response.completed", "response.incomplete", "response.failed", "error":
			return string(b), all, nil
		}
	}
}
