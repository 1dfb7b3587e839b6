package responses

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/qwenvoy/qwenvoy/native/store"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// A client is the other end of a socket.
type client struct {
	t    *testing.T
	conn *websocket.Conn
	ctx  context.Context
}

func (e *edge) dial(header ...string) *client {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	e.t.Cleanup(cancel)
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	conn, _, err := websocket.Dial(ctx, e.url+"/v1/responses?ignored=1", &websocket.DialOptions{HTTPHeader: h, CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = conn.CloseNow() })
	conn.SetReadLimit(-1)
	return &client{e.t, conn, ctx}
}

func (c *client) send(message string) {
	c.t.Helper()
	if err := c.conn.Write(c.ctx, websocket.MessageText, []byte(message)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() streamed {
	c.t.Helper()
	kind, b, err := c.conn.Read(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	s := streamed{text: string(b)}
	if kind != websocket.MessageText || json.Unmarshal(b, &s.data) != nil {
		c.t.Fatalf("%v %s", kind, b)
	}
	s.kind, _ = s.data["type"].(string)
	return s
}

// begins reads a response's events up to its first word, and returns the first.
func (c *client) begins() (first streamed) {
	c.t.Helper()
	for first = c.read(); c.read().kind != "response.output_text.delta"; {
	}
	return first
}

// turn reads a response's events to the last, and checks their numbers.
func (c *client) turn() (last streamed, all []streamed) {
	c.t.Helper()
	for n := 0; ; n++ {
		s := c.read()
		if s.kind == "error" {
			c.t.Fatalf("an error: %s", s.text)
		}
		if s.data["sequence_number"] != float64(n) {
			c.t.Fatalf("number %d is %s", n, s.text)
		}
		all = append(all, s)
		switch s.kind {
		case "response.completed", "response.incomplete", "response.failed":
			return s, all
		}
	}
}

// fails reads an error frame.
func (c *client) fails(status int, code string, param any, words ...string) streamed {
	c.t.Helper()
	s := c.read()
	failure, _ := s.data["error"].(map[string]any)
	if s.kind != "error" || s.data["status"] != float64(status) || failure["code"] != code || failure["param"] != param {
		c.t.Fatalf("%s; want an error, status %d, code %s, param %v", s.text, status, code, param)
	}
	if _, ok := failure["type"].(string); !ok {
		c.t.Errorf("no type in %s", s.text)
	}
	for _, w := range words {
		if m, _ := failure["message"].(string); !strings.Contains(m, w) {
			c.t.Errorf("%q is missing in %s", w, s.text)
		}
	}
	return s
}

// closes reads on until the server closes, and returns its code.
func (c *client) closes() websocket.StatusCode {
	c.t.Helper()
	for {
		if _, _, err := c.conn.Read(c.ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func message(input string, members ...string) string {
	return `{"type":"response.create","model":"` + instruct + `","input":"` + input + `"` + strings.Join(append([]string{""}, members...), ",") + `}`
}

func id(s streamed) string { return s.response()["id"].(string) }

func TestASocketServesTurnsOneAfterAnother(t *testing.T) {
	e := start(t, setup{})
	c := e.dial()
	c.send(message("one", `"stream":true`))
	c.send(message("two", `"stream":false,"stream_options":{"include_obfuscation":true}`))
	first, all := c.turn()
	if answerOf(first.response()) != "0 before: one" || all[0].kind != "response.created" {
		t.Error(first.text)
	}
	for _, event := range all {
		if strings.ContainsAny(event.text, "\n") {
			t.Errorf("not one line: %q", event.text)
		}
	}
	second, _ := c.turn()
	if answerOf(second.response()) != "0 before: two" {
		t.Error(second.text)
	}
	e.model.mu.Lock()
	defer e.model.mu.Unlock()
	for _, b := range e.model.bodies {
		if b["stream"] != true || b["type"] != nil || b["model"] != "m" {
			t.Errorf("what the model got: %v", b)
		}
	}
	if e.do("GET", "/v1/responses/"+id(first), "").status != 200 {
		t.Error("not stored")
	}
}

func TestASocketGoesOnFromItsLastResponse(t *testing.T) {
	for _, keep := range []bool{true, false} {
		t.Run(fmt.Sprintf("store=%v", keep), func(t *testing.T) {
			e := start(t, setup{})
			kept := fmt.Sprintf(`"store":%v`, keep)
			c := e.dial()
			c.send(message("one", kept))
			first, _ := c.turn()
			c.send(message("two", kept, `"previous_response_id":"`+id(first)+`"`))
			second, _ := c.turn()
			if answerOf(second.response()) != "2 before: two" {
				t.Error(second.text)
			}
			c.send(`{"type":"response.create","model":"qwen3.5-instruct-general","store":` + fmt.Sprint(keep) + `,"previous_response_id":"` + id(second) + `","input":[{"role":"user","content":[{"type":"input_text","text":"three"}]}]}`)
			third, _ := c.turn()
			if answerOf(third.response()) != "4 before: three" {
				t.Error(third.text)
			}
			// An earlier one is to be had from the store alone.
			c.send(message("fork", kept, `"previous_response_id":"`+id(first)+`"`))
			if keep {
				if fork, _ := c.turn(); answerOf(fork.response()) != "2 before: fork" {
					t.Error(fork.text)
				}
			} else {
				c.fails(400, "previous_response_not_found", "previous_response_id", id(first))
			}
			_ = c.conn.Close(websocket.StatusNormalClosure, "")

			again := e.dial()
			again.send(message("five", kept, `"previous_response_id":"`+id(third)+`"`))
			if keep {
				if fifth, _ := again.turn(); answerOf(fifth.response()) != "6 before: five" {
					t.Error(fifth.text)
				}
				return
			}
			again.fails(400, "previous_response_not_found", "previous_response_id", id(third))
			again.send(message("anew", kept))
			if anew, _ := again.turn(); answerOf(anew.response()) != "0 before: anew" {
				t.Error(anew.text)
			}
			if r := e.do("GET", "/v1/responses/"+id(third), ""); r.status != 404 {
				t.Error(r.text)
			}
		})
	}
}

// A turn that is stored may go on from one that is not: it holds the whole context then.
func TestAStoredTurnAfterOneThatIsNot(t *testing.T) {
	e := start(t, setup{})
	c := e.dial()
	c.send(message("one", `"store":false`))
	first, _ := c.turn()
	c.send(message("two", `"previous_response_id":"`+id(first)+`"`))
	second, _ := c.turn()
	if _, object := e.create(create("three", `"previous_response_id":"`+id(second)+`"`)); answerOf(object) != "4 before: three" {
		t.Error(object)
	}
}

func TestAFailedContinuationIsForgotten(t *testing.T) {
	e := start(t, setup{})
	for _, said := range []string{"refuse 400", "refuse 503", "fail"} {
		c := e.dial()
		c.send(message("one", `"store":false`))
		first, _ := c.turn()
		// A turn without a previous id forgets nothing.
		c.send(message("refuse 500", `"store":false`))
		c.fails(500, "server_error", nil)
		c.send(message("two", `"store":false`, `"previous_response_id":"`+id(first)+`"`))
		second, _ := c.turn()
		previous := `"previous_response_id":"` + id(second) + `"`
		c.send(message(said, `"store":false`, previous))
		if said == "fail" {
			c.turn()
		} else {
			c.read()
		}
		c.send(message("again", `"store":false`, previous))
		c.fails(400, "previous_response_not_found", "previous_response_id")
		c.send(message("anew", `"store":false`))
		if anew, _ := c.turn(); answerOf(anew.response()) != "0 before: anew" {
			t.Error(anew.text)
		}
	}
}

func TestAWarmUpIsGoneOnFrom(t *testing.T) {
	e := start(t, setup{})
	c := e.dial()
	c.send(message("tools and all", `"store":false`, `"generate":false`))
	warm, all := c.turn()
	if len(warm.response()["output"].([]any)) != 0 || all[0].kind != "response.created" {
		t.Error(warm.text)
	}
	c.send(message("two", `"store":false`, `"previous_response_id":"`+id(warm)+`"`))
	if second, _ := c.turn(); answerOf(second.response()) != "1 before: two" {
		t.Error(second.text)
	}
}

func TestASocketRefusesWhatItCantServe(t *testing.T) {
	e := start(t, setup{config: func(c *config.Config) { c.Limits.Body = 4096 }})
	c := e.dial()
	c.send(`{`)
	c.fails(400, "invalid_request_error", nil, "JSON")
	c.send(`[]`)
	c.fails(400, "invalid_request_error", nil, "JSON")
	c.send(`{"model":"qwen3.5-instruct-general"}`)
	c.fails(400, "invalid_value", "type", "response.create")
	c.send(`{"type":"response.cancel"}`)
	c.fails(400, "invalid_value", "type", "response.cancel")
	c.send(message("x", `"background":true`))
	c.fails(400, "unsupported_parameter", "background")
	c.send(message("x", `"stream_id":"lane"`))
	c.fails(400, "unsupported_parameter", "stream_id")
	c.send(message("refuse 404"))
	c.fails(404, "invalid_request_error", nil, "refused")
	c.send(message("panic"))
	if last, _ := c.turn(); last.kind != "response.failed" {
		t.Error(last.text)
	}
	c.send(`{"type":"response.steer","previous_response_id":"resp_1","input":"left"}`)
	s := c.read()
	if s.kind != "response.steer.failed" || s.data["error"].(map[string]any)["code"] != "steering_not_supported" || s.data["steer"].(map[string]any)["input"] != "left" {
		t.Error(s.text)
	}
	c.send(message("one"))
	if last, _ := c.turn(); last.kind != "response.completed" {
		t.Error("the connection is of no use any more: " + last.text)
	}
	c.send(message(strings.Repeat("x", 5000)))
	c.fails(413, "request_too_large", nil, "4096")
	if code := c.closes(); code != websocket.StatusMessageTooBig {
		t.Error(code)
	}
	binary := e.dial()
	_ = binary.conn.Write(binary.ctx, websocket.MessageBinary, []byte("{}"))
	if code := binary.closes(); code != websocket.StatusUnsupportedData {
		t.Error(code)
	}
	broken := e.dial()
	_ = broken.conn.Write(broken.ctx, websocket.MessageText, []byte("{\"\xff\":1}"))
	broken.fails(400, "invalid_request_error", nil, "not UTF-8 at byte 2")
	if code := broken.closes(); code != websocket.StatusInvalidFramePayloadData {
		t.Error(code)
	}
}

func TestOnlySoManyMessagesWait(t *testing.T) {
	e := start(t, setup{})
	c := e.dial()
	c.send(message("wait"))
	c.begins()
	for n := range queued {
		c.send(message(fmt.Sprint("number ", n)))
	}
	c.send(message("too many"))
	c.fails(429, "response_already_in_flight", nil)
	e.model.next <- struct{}{}
	for {
		if s := c.read(); s.kind == "response.completed" {
			break
		}
	}
	for n := range queued {
		if last, _ := c.turn(); answerOf(last.response()) != fmt.Sprintf("0 before: number %d", n) {
			t.Error(last.text)
		}
	}
}

func TestADroppedSocketEndsItsTurn(t *testing.T) {
	for name, drop := range map[string]func(*client){
		"dropped": func(c *client) { _ = c.conn.CloseNow() },
		"closed":  func(c *client) { go func() { _ = c.conn.Close(websocket.StatusNormalClosure, "") }() },
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, setup{})
			c := e.dial()
			c.send(message("wait"))
			first := c.begins()
			drop(c)
			eventually(t, "the turn's end", func() bool { _, ended := e.model.counts(); return ended == 1 })
			eventually(t, "the stored response", func() bool {
				return e.do("GET", "/v1/responses/"+id(first), "").object["status"] == "cancelled"
			})
			eventually(t, "nothing in flight", func() bool { return e.h.InFlight() == 0 })
		})
	}
}

func TestAnOldSocketTakesNoMoreTurns(t *testing.T) {
	var late atomic.Bool
	e := start(t, setup{clock: func(c *clocks) {
		c.now = func() time.Time {
			if late.Load() {
				return time.Now().Add(time.Hour)
			}
			return time.Now()
		}
	}})
	c := e.dial()
	c.send(message("wait"))
	c.begins()
	late.Store(true)
	e.model.next <- struct{}{}
	for c.read().kind != "response.completed" { // it is not cut
	}
	c.send(message("two"))
	c.fails(400, "websocket_connection_limit_reached", nil)
	if code := c.closes(); code != websocket.StatusNormalClosure {
		t.Error(code)
	}
}

func TestSocketsArePinged(t *testing.T) {
	e := start(t, setup{})
	var pings atomic.Int64
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, e.url+"/v1/responses", &websocket.DialOptions{OnPingReceived: func(context.Context, []byte) bool {
		pings.Add(1)
		return pings.Load() > 2 // the first are left without an answer
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	go func() { _, _, _ = conn.Read(ctx) }()
	eventually(t, "several pings", func() bool { return pings.Load() > 5 })
	if err := conn.Ping(ctx); err != nil {
		t.Errorf("no answer to the client's: %v", err)
	}
}

func TestADrainLetsASocketsResponseFinish(t *testing.T) {
	e := start(t, setup{})
	idle, busy := e.dial(), e.dial()
	busy.send(message("wait"))
	busy.begins()
	busy.send(message("too late"))
	e.h.Drain()
	if code := idle.closes(); code != websocket.StatusGoingAway {
		t.Error(code)
	}
	e.model.next <- struct{}{}
	for {
		s := busy.read()
		if s.kind == "response.completed" {
			break
		}
	}
	if code := busy.closes(); code != websocket.StatusGoingAway {
		t.Error(code)
	}
	eventually(t, "nothing in flight", func() bool { return e.h.InFlight() == 0 })
	if n := e.model.n.Load(); n != 1 {
		t.Errorf("%d turns", n)
	}
}

func TestAnEndFailsASocketsResponse(t *testing.T) {
	e := start(t, setup{})
	c := e.dial()
	c.send(message("wait"))
	c.begins()
	e.h.Drain()
	e.end()
	for {
		s := c.read()
		if s.kind == "response.failed" {
			break
		}
	}
	if code := c.closes(); code != websocket.StatusGoingAway {
		t.Error(code)
	}
}

func TestHandshakes(t *testing.T) {
	e := start(t, setup{config: func(c *config.Config) { c.CORS.Origins = []string{"https://*.example.com", "https://one.test"} }})
	own := "http://" + strings.TrimPrefix(e.url, "http://")
	for _, c := range []struct {
		origin string
		status int
	}{
		{"", 101}, {"https://app.example.com", 101}, {"https://one.test", 101},
		{own, 101}, {"http://localhost:5173", 101},
		{"http://one.test", 403}, {"https://example.com", 403}, {"https://evil.test", 403}, {own + ".evil.test", 403}, {"null", 403},
	} {
		header := http.Header{}
		if c.origin != "" {
			header.Set("Origin", c.origin)
		}
		conn, resp, err := websocket.Dial(t.Context(), e.url+"/v1/responses", &websocket.DialOptions{HTTPHeader: header, CompressionMode: websocket.CompressionContextTakeover})
		if err == nil {
			_ = conn.CloseNow()
		}
		if resp == nil || resp.StatusCode != c.status {
			t.Errorf("origin %q: %v %v", c.origin, resp, err)
		} else if v := resp.Header.Get("Sec-WebSocket-Extensions"); v != "" {
			t.Errorf("extensions: %s", v)
		} else if v := resp.Header.Get("X-Models-Etag"); (v != "") != (c.status == 101) {
			t.Errorf("origin %q: the tag %q", c.origin, v)
		}
	}
	old := e.do("GET", "/v1/responses", "", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "8", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==",
		"Origin", own)
	if old.status != 426 || old.header.Get("Access-Control-Allow-Origin") != own || old.header.Get("Sec-WebSocket-Version") != "13" || old.object["error"] == nil {
		t.Errorf("%d %s", old.status, old.text)
	}
}

func TestSocketsOfAnotherKeyShareNothing(t *testing.T) {
	e := start(t, setup{})
	c := e.dial("Authorization", "Bearer one")
	c.send(message("one"))
	first, _ := c.turn()
	e.do("GET", "/v1/responses/"+id(first), "").wants(t, 404, "id", nil)
	if r := e.do("GET", "/v1/responses/"+id(first), "", "Authorization", "Bearer one"); r.status != 200 {
		t.Error(r.text)
	}
	other := e.dial("Authorization", "Bearer two")
	other.send(message("two", `"previous_response_id":"`+id(first)+`"`))
	other.fails(400, "previous_response_not_found", "previous_response_id")
}

// gone is a store that can't be reached while it is switched off.
type gone struct {
	store.Store
	off atomic.Bool
}

func (g *gone) Get(ctx context.Context, tenant, id string) (store.Head, []byte, error) {
	if g.off.Load() {
		return store.Head{}, nil, store.ErrUnavailable
	}
	return g.Store.Get(ctx, tenant, id)
}

func (g *gone) Put(ctx context.Context, tenant string, r *store.Response) error {
	if g.off.Load() {
		return store.ErrUnavailable
	}
	return g.Store.Put(ctx, tenant, r)
}

func (g *gone) Chain(ctx context.Context, tenant, id string, max int) ([]store.Entry, error) {
	if g.off.Load() {
		return nil, store.ErrUnavailable
	}
	return g.Store.Chain(ctx, tenant, id, max)
}

func TestAStoreThatIsGone(t *testing.T) {
	s, err := store.Open(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g := &gone{Store: s}
	e := start(t, setup{store: g, clock: func(c *clocks) { c.Sweep = time.Hour }})
	id1, _ := e.create(create("one"))
	g.off.Store(true)
	// What needs no state goes on, whether it is known yet that the store is gone or not.
	for _, members := range []string{`"store":false`, `"store":null`, `"stream":true`, `"store":null`} {
		if r := e.do("POST", "/v1/responses", create("hello", members)); r.status != 200 {
			t.Errorf("%s: %d %s", members, r.status, r.text)
		}
	}
	if _, object := e.create(create("hello")); object["store"] != false {
		t.Error("a response says that it is stored")
	}
	// What needs it says so.
	for _, members := range []string{`"store":true`, `"background":true`, `"previous_response_id":"` + id1 + `"`, `"conversation":"conv_1"`} {
		r := e.do("POST", "/v1/responses", create("hello", members))
		r.wants(t, 503, nil, "store_unavailable", "store")
	}
	e.do("GET", "/v1/responses/"+id1, "").wants(t, 503, nil, "store_unavailable")
	// A socket goes on from what it remembers.
	c := e.dial()
	c.send(message("one"))
	first, _ := c.turn()
	c.send(message("two", `"previous_response_id":"`+id(first)+`"`))
	if second, _ := c.turn(); answerOf(second.response()) != "2 before: two" {
		t.Error(second.text)
	}
	c.send(message("three", `"previous_response_id":"`+id1+`"`))
	c.fails(503, "store_unavailable", nil)
	g.off.Store(false)
	eventually(t, "the store's return", func() bool {
		return e.do("POST", "/v1/responses", create("hello", `"previous_response_id":"`+id1+`"`)).status == 200
	})
}
