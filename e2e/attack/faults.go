package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/grammar/messages"
	"github.com/qwenvoy/qwenvoy/native/grammar/responses"
)

// A faulty server answers every request by one fault after another, and until there is one as a
// server does that is asked what it is.
type faulty struct {
	fault atomic.Pointer[serverFault]
	over  chan struct{}
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := f.fault.Load()
	_, _ = io.Copy(io.Discard, r.Body)
	if fault == nil {
		_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"`+served+`","object":"model"}]}`)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, fault.text)
	switch fault.ending {
	case resets:
		_ = conn.(*net.TCPConn).SetLinger(0)
	case stalls:
		go func() { <-f.over; _ = conn.Close() }()
		_, _ = conn.Read(make([]byte, 1)) // until the gateway hangs up
	}
}

// A route is a request whose answer a fault of the server ends up in.
type route struct {
	name, method, path, body string
	// check finds what is wrong with the whole of a stream; nil where the answer is none.
	check func(text string) []error
	state bool // only the binary has it
	// passes: the server's reply is passed as it comes, and as it breaks off.
	passes bool
}

// faultRoutes are all that ask the model server something.
func faultRoutes() []route {
	chat := `{"model":"` + instruct + `","messages":[{"role":"user","content":"hi"}]%s}`
	completion := `{"model":"` + instruct + `","prompt":"hi"%s}`
	response := `{"model":"` + instruct + `","input":"hi"%s}`
	message := `{"model":"` + instruct + `","max_tokens":9,"messages":[{"role":"user","content":"hi"}]%s}`
	const stream = `,"stream":true`
	return []route{
		{name: "chat", path: "/v1/chat/completions", body: fmt.Sprintf(chat, "")},
		{name: "chat, stream", path: "/v1/chat/completions", body: fmt.Sprintf(chat, stream), check: checkChat},
		{name: "completions", path: "/v1/completions", body: fmt.Sprintf(completion, "")},
		{name: "completions, stream", path: "/v1/completions", body: fmt.Sprintf(completion, stream), check: checkChat},
		{name: "responses", path: "/v1/responses", body: fmt.Sprintf(response, `,"store":false`)},
		{name: "responses, stream", path: "/v1/responses", body: fmt.Sprintf(response, `,"store":false,"stream":true`), check: checkResponses},
		{name: "responses, stored stream", path: "/v1/responses", body: fmt.Sprintf(response, stream), check: checkResponses, state: true},
		{name: "responses, background", path: "/v1/responses", body: fmt.Sprintf(response, `,"background":true,"stream":true`), check: checkResponses, state: true},
		{name: "compact", path: "/v1/responses/compact", body: fmt.Sprintf(response, "")},
		{name: "messages", path: "/v1/messages", body: fmt.Sprintf(message, "")},
		{name: "messages, stream", path: "/v1/messages", body: fmt.Sprintf(message, stream), check: checkMessages},
		{name: "count_tokens", path: "/v1/messages/count_tokens", body: fmt.Sprintf(message, "")},
		{name: "tokenize", path: "/tokenize", body: fmt.Sprintf(completion, ""), passes: true},
		{name: "models", method: "GET", path: "/v1/models"},
		{name: "passed", path: "/v1/embeddings", body: `{"input":"hi"}`, passes: true},
	}
}

func checkChat(text string) (wrong []error) {
	if !strings.HasSuffix(text, "data: [DONE]\n\n") {
		wrong = append(wrong, fmt.Errorf("it ends with %q", text[max(0, len(text)-100):]))
	}
	return wrong
}

func checkResponses(text string) []error {
	return responses.Check([]byte(text), responses.Options{Keepalive: true})
}

func checkMessages(text string) []error {
	return messages.Check([]byte(text), messages.Options{EstimatedInput: true})
}

// serverFaults puts a model server behind every route that fails in every way.
func serverFaults(ctx context.Context, r *round) error {
	server := &faulty{over: make(chan struct{})}
	target := r.serve(server)
	r.atEnd(func() { close(server.over) })
	g, err := r.open(target, map[string]any{"timeouts": map[string]any{"idle": "300ms", "first_byte": "300ms", "upstream_idle": "1s"}})
	if err != nil {
		return err
	}
	c := r.reach(g)
	asked := slices.DeleteFunc(faultRoutes(), func(t route) bool { return t.state && r.edge == onFilter })
	faults := serverFaultTable()
	for i := range faults {
		f := &faults[i]
		if f.ending == stalls && r.edge == onFilter {
			continue // ended by Envoy's timeouts, after minutes
		}
		server.fault.Store(f)
		each(asked, 4, func(t route) {
			r.tried.Add(1)
			if wrong := t.ask(ctx, c, f, r.edge == onFilter); wrong != "" {
				r.problem("%s, %s: %s", t.name, f.name, wrong)
			}
		})
	}
	r.note("%d kinds", len(faults))
	return nil
}

// ask sends the route's request while a fault is on, and returns what is wrong with the answer.
func (t *route) ask(ctx context.Context, c *client, f *serverFault, filter bool) (wrong string) {
	started := time.Now()
	method := t.method
	if method == "" {
		method = "POST"
	}
	a := c.ask(ctx, method, t.path, t.body)
	switch {
	case a.hung():
		return fmt.Sprintf("it hangs for %v", time.Since(started).Round(time.Second))
	case t.passes || f.passes || strings.Contains(f.text, "event-stream") && t.name == "models", filter && a.err != nil:
		return "" // as the server's was, cut or not
	case a.err != nil:
		return "it breaks off: " + a.err.Error()
	case a.status >= 300 || a.status < 200:
		if !filter && a.status >= 400 && !gjson.Valid(a.text) && f.name != "500 in plain text" && f.name != "503 without a body" {
			return fmt.Sprintf("status %d is no error in JSON: %.300s", a.status, a.text)
		}
		return ""
	case f.fine:
		return ""
	case t.check == nil:
		if strings.Contains(a.text, `"error"`) && (filter || strings.HasPrefix(a.text, "data:")) {
			return "" // the status was out
		}
		return fmt.Sprintf("status %d: %.300s", a.status, a.text)
	}
	if faults := t.check(a.text); len(faults) > 0 {
		return fmt.Sprintf("the stream is broken: %v in %.500s", faults[0], a.text)
	}
	if !strings.Contains(a.text, `"error"`) {
		return fmt.Sprintf("the stream has no error: %.500s", a.text)
	}
	return ""
}
