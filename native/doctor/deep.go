package doctor

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// deepRows are the checks that take seconds.
func (s *server) deepRows(ctx context.Context, r *Report) {
	if !s.deep {
		for _, check := range []string{"idle", "tool call"} {
			r.add(probe.Skip, check, "takes longer", "--deep")
		}
		return
	}
	s.idleRow(ctx, r)
	s.callRow(ctx, r)
}

// mostWait is how long an unused connection is watched.
const mostWait = 7 * time.Second

// idleRow looks when the server closes an unused connection: the gateway must have done so before.
func (s *server) idleRow(ctx context.Context, r *Report) {
	const check = "idle"
	ours := time.Duration(s.config.Timeouts.UpstreamIdle)
	if by, err := s.proxy(&http.Request{URL: s.url}); err != nil || by != nil {
		r.add(probe.Skip, check, "a proxy stands between", "")
		return
	}
	after, err := s.closedAfter(ctx)
	shown := "closes an unused connection after " + after.Round(100*time.Millisecond).String()
	switch {
	case err != nil:
		r.add(probe.Skip, check, s.keyed.Said(nil, err), "")
	case after >= mostWait && ours < mostWait && ours > 0:
		r.add(probe.OK, check, fmt.Sprintf("the server keeps an unused connection for more than %s, the gateway for %s", mostWait, ours), "")
	case after >= mostWait:
		r.add(probe.Info, check, fmt.Sprintf("the server keeps an unused connection for more than %s; for how long is not known", mostWait), "")
	case ours == 0 || ours >= after:
		kept := "for ever"
		if ours > 0 {
			kept = "for " + ours.String()
		}
		r.add(probe.Fail, check, "the server "+shown+", the gateway keeps it "+kept+": requests meet the close", "timeouts: {upstream_idle: 3s}")
	default:
		r.add(probe.OK, check, fmt.Sprintf("the server %s, the gateway after %s", shown, ours), "")
	}
}

// closedAfter makes a connection, asks one question, and waits for its end.
func (s *server) closedAfter(ctx context.Context) (time.Duration, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err = io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: "+s.url.Host+"\r\nUser-Agent: qwenvoy\r\n\r\n"); err != nil {
		return 0, err
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, err
	}
	if _, err = io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	if resp.Close {
		return 0, errors.New("the server closes the connection with its answer")
	}
	began := time.Now()
	_ = conn.SetReadDeadline(began.Add(mostWait))
	_, err = in.ReadByte()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return mostWait, nil
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	return time.Since(began), nil
}

func (s *server) dial(ctx context.Context) (net.Conn, error) {
	port := s.url.Port()
	if s.url.Scheme == "https" {
		d := tls.Dialer{Config: &tls.Config{ServerName: s.url.Hostname(), NextProtos: []string{"http/1.1"}}}
		return d.DialContext(ctx, "tcp", address(s.url, port, "443"))
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address(s.url, port, "80"))
}

func address(u *url.URL, port, otherwise string) string {
	if port == "" {
		port = otherwise
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// mostCall is how many tokens a call may take.
const mostCall = 128

const toolParser = "start vLLM with --tool-call-parser qwen3_coder (models before Qwen3-Coder: hermes)"

// maxSaid is how much of what the model said is shown, in bytes.
const maxSaid = 300

// callRow has the model make a call, which a wrong parser leaves in the text. A call that is
// forced would prove nothing, since a grammar makes it.
func (s *server) callRow(ctx context.Context, r *Report) {
	const check = "tool call"
	if s.unnamed(ctx) {
		r.add(probe.Skip, check, "the model is not known", "")
		return
	}
	text := object{"type": "string"}
	parameters := object{"type": "object", "required": []string{"city"}, "properties": object{"city": text, "days": object{"type": "integer"}}}
	tool := object{"type": "function", "function": object{
		"name": "get_weather", "description": "Weather of a city", "parameters": parameters}}
	a, err := s.ask(ctx, "/v1/chat/completions", object{
		"messages": []object{message("user", "Weather in Paris?")}, "tools": []any{tool}, "tool_choice": "auto",
		"max_tokens": mostCall, "temperature": 0, "chat_template_kwargs": object{"enable_thinking": false},
	})
	if err != nil || a.Status != http.StatusOK {
		r.add(probe.Skip, check, "the question was refused ("+s.keyed.Said(a, err)+")", "")
		return
	}
	m := gjson.GetBytes(a.Body, "choices.0.message")
	said := redact.Text(m.Get("content").String()+m.Get("reasoning").String()+m.Get("reasoning_content").String(), maxSaid)
	arguments := m.Get("tool_calls.0.function.arguments").String()
	switch {
	case len(m.Get("tool_calls").Array()) > 0 && gjson.Valid(arguments):
		r.add(probe.OK, check, "the model's call comes as one", "")
	case len(m.Get("tool_calls").Array()) > 0:
		r.add(probe.Fail, check, "the arguments of the model's call are no JSON: "+redact.Text(arguments, maxSaid), toolParser)
	case strings.Contains(said, "<tool_call") || strings.Contains(said, "<function="):
		r.add(probe.Fail, check, "the model's call comes as text: "+said, toolParser)
	case said == "":
		r.add(probe.Fail, check, "the model's call is lost: neither a call nor text came", toolParser)
	default:
		r.add(probe.Skip, check, "the model made no call: "+said, "")
	}
}
