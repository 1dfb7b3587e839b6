package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/grammar"
	"github.com/qwenvoy/qwenvoy/native/grammar/messages"
	"github.com/qwenvoy/qwenvoy/native/grammar/responses"
	"github.com/qwenvoy/qwenvoy/native/settings"
)

// checkStreamCommand checks the event stream of any server, not of Qwenvoy alone.
type checkStreamCommand struct {
	Source  string   `arg:"" help:"A file, - for standard input, or an http(s) URL."`
	Dialect string   `required:"" enum:"responses,messages" help:"The API that the stream belongs to: responses or messages."`
	Data    string   `placeholder:"FILE" help:"POST this file to the URL (- for standard input); without it the URL is fetched by GET."`
	Strict  bool     `help:"What other servers do and Qwenvoy doesn't, and no client stumbles over, is a fault too; else a note."`
	Header  []string `short:"H" sep:"none" placeholder:"KEY:VALUE" help:"A header of the request to the URL; may be repeated."`

	First         int64 `help:"Responses: the first sequence number of a resumed stream."`
	OpenResponses bool  `help:"Responses: raw reasoning has the event names of Open Responses, response.reasoning.delta and .done."`
	Done          bool  `help:"Responses: data: [DONE] must end the stream."`
	Keepalive     bool  `help:"Responses: keepalive events may come."`

	EstimatedInput bool `help:"Messages: the input tokens of message_start are an estimate."`
}

func (c *checkStreamCommand) Run(ctx context.Context, p *process) error {
	if err := c.fits(); err != nil {
		return err
	}
	stream, err := c.read(ctx, p)
	if err != nil && len(stream) == 0 {
		return err
	}
	found, summary := c.check(stream)
	faults := 0
	for _, f := range found {
		if grammar.IsNote(f) && !c.Strict {
			fmt.Fprintln(p.stdout, "note:", f)
			continue
		}
		faults++
		fmt.Fprintln(p.stdout, f)
	}
	switch {
	case err != nil:
		return err
	case faults > 0:
		return fmt.Errorf("%s is not a good stream of the %s API; faults: %d", redactedSource(c.Source), c.Dialect, faults)
	}
	fmt.Fprintln(p.stdout, summary)
	return nil
}

// fits refuses options that would have no effect.
func (c *checkStreamCommand) fits() error {
	switch {
	case c.Dialect != "responses" && (c.First != 0 || c.OpenResponses || c.Done || c.Keepalive):
		return errors.New("--first, --open-responses, --done and --keepalive are for --dialect responses")
	case c.Dialect != "messages" && c.EstimatedInput:
		return errors.New("--estimated-input is for --dialect messages")
	case c.First < 0:
		return fmt.Errorf("--first is %d; must be 0 or more", c.First)
	case !isURL(c.Source) && (c.Data != "" || len(c.Header) > 0):
		return errors.New("--data and --header are for a URL")
	}
	return nil
}

// check returns the faults and notes and, for a stream without faults, what it held.
func (c *checkStreamCommand) check(stream []byte) ([]error, string) {
	if c.Dialect == "messages" {
		faults, s := messages.Read(stream, messages.Options{EstimatedInput: c.EstimatedInput})
		return faults, fmt.Sprintf("good: %d events; blocks: %s; stop reason: %s; ended with %s",
			s.Events, list(s.Blocks), list(nonEmpty(s.StopReason)), s.Terminal)
	}
	o := responses.Options{First: c.First, OpenResponses: c.OpenResponses, Done: c.Done, Keepalive: c.Keepalive}
	faults, s := responses.Read(stream, o)
	return faults, fmt.Sprintf("good: %d events; items: %s; ended with %s", s.Events, list(s.Items), list(nonEmpty(s.Terminal)))
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

func redactedSource(s string) string {
	switch {
	case isURL(s):
		return settings.RedactedURL(s)
	case s == "-":
		return "standard input"
	}
	return s
}

// read returns the stream. If the connection breaks it returns what came and an error:
// the faults of a broken stream say how far the server got.
func (c *checkStreamCommand) read(ctx context.Context, p *process) ([]byte, error) {
	if isURL(c.Source) {
		return c.fetch(ctx, p)
	}
	return p.readFile(c.Source)
}

// readFile reads a file whole, or standard input for "-".
func (p *process) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(p.stdin)
	}
	return os.ReadFile(name)
}

func (c *checkStreamCommand) fetch(ctx context.Context, p *process) ([]byte, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if c.Data != "" {
		data, err := p.readFile(c.Data)
		if err != nil {
			return nil, err
		}
		method, body = http.MethodPost, bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Source, body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", settings.RedactedURL(c.Source), withoutURL(err))
	}
	req.Header.Set("Accept", "text/event-stream")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range c.Header {
		key, value, ok := strings.Cut(h, ":")
		if !ok || key == "" {
			return nil, errors.New("--header needs the form KEY:VALUE") // its text may be a key
		}
		req.Header.Set(key, strings.TrimSpace(value))
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", settings.RedactedURL(c.Source), withoutURL(err))
	}
	defer resp.Body.Close()
	stream, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s: %s", settings.RedactedURL(c.Source), resp.Status, beginning(stream))
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/event-stream" {
		return nil, fmt.Errorf("%s answered with content-type %q, which is no event stream; does the request say \"stream\":true? %s",
			settings.RedactedURL(c.Source), resp.Header.Get("Content-Type"), beginning(stream))
	}
	if err != nil {
		return stream, fmt.Errorf("the connection broke behind %d bytes: %w", len(stream), withoutURL(err))
	}
	return stream, nil
}

// withoutURL takes the URL, which may hold a key, out of an error of net/http.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func beginning(body []byte) string {
	const most = 500
	if len(body) > most {
		return string(body[:most]) + "…"
	}
	return string(body)
}
