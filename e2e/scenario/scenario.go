// Package scenario is the one table of what Qwenvoy does on the wire: a request, what
// the upstream gets, what it answers, and what the client gets. Each scenario is a
// text file under testdata that a person can read and edit, written once and run over
// every carrier: the core, the filter in wazero, the native binary, Envoy, and
// docker-compose.
//
// A file is a txtar archive. Its comment says in a sentence what is shown, then may
// hold lines of directives:
//
//	config: fold         the configuration, testdata/configs/fold.json; default "default"
//	newline: crlf        the upstream's stream has CRLF (or cr) for each LF of the file
//	end: cut             the upstream dies behind the last byte of its answer
//	gzip: answer         the upstream compresses its answer (request: the client its body)
//	except: NAME reason  the carrier NAME behaves differently here, for that reason
//	vllm: yes            a real vLLM can play the upstream: properties are compared, not bytes
//	folded: yes          a body's line that begins with a blank or a closing bracket goes on where
//	                     the one before it ends, so that long JSON can be read (package fold)
//
// and these sections, each with a first line, header lines, a blank line and a body:
//
//	-- request --   "POST /v1/chat/completions"
//	-- upstream --  what must arrive; without this section nothing must arrive
//	-- answer --    "200"
//	-- reply --     what the client must get
//
// Header lines of upstream and reply are those that are checked; "!name" must be
// absent. A body's last line feed is the file's, not the body's, unless it is a stream.
package scenario

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/qwenvoy/qwenvoy/e2e/fold"
)

//go:embed testdata
var files embed.FS

// A Scenario is one file of the table.
type Scenario struct {
	Name   string // the file's path without its extension, such as "chat/late_system_merged"
	Title  string
	Config string // name of the configuration
	// Newline replaces each LF of the upstream's stream.
	Newline string
	// Cut: the upstream dies behind its answer's last byte.
	Cut bool
	// GzipAnswer and GzipRequest compress a body on its way in.
	GzipAnswer, GzipRequest bool
	// VLLM: a real vLLM can play the upstream.
	VLLM bool
	// Folded: the file's long JSON goes over several lines; the messages here are unfolded.
	Folded bool
	// Except names carriers that behave differently, with the reason.
	Except map[string]string

	Request  Message
	Upstream *Message // nil: nothing must arrive
	Answer   Message
	Reply    Message
}

// A Message is a request or a reply.
type Message struct {
	Start  string // "POST /path" or "200"
	Header [][2]string
	Body   []byte
}

// Get returns a header's value, "" when it is absent. Names are compared without case.
func (m *Message) Get(name string) string {
	for _, h := range m.Header {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

// IsStream tells whether the body is an event stream.
func (m *Message) IsStream() bool {
	return strings.HasPrefix(m.Get("content-type"), "text/event-stream")
}

// Load reads the whole table, in order of name.
func Load() ([]*Scenario, error) {
	var list []*Scenario
	err := fs.WalkDir(files, "testdata", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".txtar" {
			return err
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		s, err := parse(strings.TrimSuffix(strings.TrimPrefix(name, "testdata/"), ".txtar"), text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, s)
		return nil
	})
	return list, err
}

// Configs returns the configurations, as JSON text by name.
func Configs() (map[string][]byte, error) {
	entries, err := files.ReadDir("testdata/configs")
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, e := range entries {
		text, err := files.ReadFile("testdata/configs/" + e.Name())
		if err != nil {
			return nil, err
		}
		all[strings.TrimSuffix(e.Name(), ".json")] = text
	}
	return all, nil
}

func parse(name string, text []byte) (*Scenario, error) {
	a := txtar.Parse(text)
	s := &Scenario{Name: name, Config: "default", Except: map[string]string{}}
	for line := range strings.Lines(string(a.Comment)) {
		line = strings.TrimSpace(line)
		key, value, ok := strings.Cut(line, ": ")
		if !ok || s.Title == "" {
			s.Title = strings.TrimSpace(s.Title + " " + line)
			continue
		}
		switch key + ": " + value {
		case "newline: crlf":
			s.Newline = "\r\n"
			continue
		case "newline: cr":
			s.Newline = "\r"
			continue
		case "end: cut":
			s.Cut = true
			continue
		case "gzip: answer":
			s.GzipAnswer = true
			continue
		case "gzip: request":
			s.GzipRequest = true
			continue
		case "vllm: yes":
			s.VLLM = true
			continue
		case "folded: yes":
			s.Folded = true
			continue
		}
		switch key {
		case "config":
			s.Config = value
		case "except":
			carrier, reason, ok := strings.Cut(value, " ")
			if !ok {
				return nil, fmt.Errorf("%q gives no reason", line)
			}
			s.Except[carrier] = reason
		default:
			return nil, fmt.Errorf("unknown directive %q", line)
		}
	}
	for _, f := range a.Files {
		m := parseMessage(f.Data, s.Folded)
		switch f.Name {
		case "request":
			s.Request = m
		case "upstream":
			s.Upstream = &m
		case "answer":
			s.Answer = m
		case "reply":
			s.Reply = m
		default:
			return nil, fmt.Errorf("unknown section %q", f.Name)
		}
	}
	if s.Title == "" || s.Request.Start == "" || s.Reply.Start == "" {
		return nil, fmt.Errorf("a sentence, a request and a reply are required")
	}
	if s.Newline != "" {
		s.Answer.Body = bytes.ReplaceAll(s.Answer.Body, []byte("\n"), []byte(s.Newline))
	}
	return s, nil
}

func parseMessage(data []byte, folded bool) (m Message) {
	head, body, _ := strings.Cut(string(data), "\n\n")
	m.Start, head, _ = strings.Cut(head, "\n")
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if key != "" {
			m.Header = append(m.Header, [2]string{key, strings.TrimSpace(value)})
		}
	}
	if !m.IsStream() {
		body = strings.TrimSuffix(body, "\n")
	}
	if folded {
		body = fold.Out(body)
	}
	m.Body = []byte(body)
	return m
}

// format writes a scenario's sections back, for -update.
func format(text []byte, folded bool, upstream, reply *Message) []byte {
	a := txtar.Parse(text)
	section := func(m *Message) []byte {
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s\n", m.Start)
		for _, h := range m.Header {
			fmt.Fprintf(&b, "%s: %s\n", h[0], h[1])
		}
		body := string(m.Body)
		if folded {
			body = fold.In(body)
		}
		b.WriteString("\n" + body)
		if !bytes.HasSuffix(m.Body, []byte("\n")) {
			b.WriteByte('\n')
		}
		return b.Bytes()
	}
	kept := a.Files[:0]
	var answer *txtar.File
	for _, f := range a.Files {
		switch f.Name {
		case "request":
			kept = append(kept, f)
		case "answer":
			answer = &txtar.File{Name: f.Name, Data: f.Data}
		}
	}
	a.Files = kept
	if upstream != nil {
		a.Files = append(a.Files, txtar.File{Name: "upstream", Data: section(upstream)})
	}
	if answer != nil {
		a.Files = append(a.Files, *answer)
	}
	a.Files = append(a.Files, txtar.File{Name: "reply", Data: section(reply)})
	return txtar.Format(a)
}
