package grammar

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/qwenvoy/qwenvoy/e2e/fold"
	"github.com/qwenvoy/qwenvoy/e2e/schema"
	checker "github.com/qwenvoy/qwenvoy/native/grammar/messages"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/dialect/messages"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/sse"
)

func newTurn() *hub.Turn {
	n := uint64(0)
	return &hub.Turn{
		Settings: &hub.Settings{},
		Edge: hub.EdgeFacts{Window: 8192, Random: func() uint64 {
			n++
			return n * 0x9E3779B97F4A7C15
		}},
		Request: hub.RequestFacts{Name: []byte(`"qwen3.5-thinking-coding"`), Model: &catalog.Model{}, Thinking: true},
	}
}

// play takes an upstream's stream, in pieces that end at cuts, through the Messages dialect.
func play(t *hub.Turn, upstream []byte, cuts ...int) (out []byte) {
	var f sse.Framer
	s := messages.Create.Stream(t)
	out, ended := s.Begin(nil), false
	events := func() {
		for ev, ok := f.Next(); ok; ev, ok = f.Next() {
			if !ended {
				out, ended = s.Event(out, ev.Other, ev.Data, ev.HasData)
			}
		}
	}
	at := 0
	for _, n := range append(cuts, len(upstream)) {
		f.Feed(slices.Clone(upstream[at:n]))
		events()
		at = n
	}
	f.End()
	f.Feed(nil)
	events()
	if !ended {
		out = s.End(out)
	}
	return out
}

func TestRecordedStreamsBecomeGoodMessages(t *testing.T) {
	files, err := filepath.Glob("../../shared/dialect/messages/testdata/recordings/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		upstream := []byte(fold.Out(string(a.Files[0].Data)))
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		if strings.HasPrefix(name, "whole_") {
			turn := newTurn()
			out, p := messages.Create.Reply(nil, upstream, turn)
			if p != nil {
				t.Fatalf("%s: %+v", name, p)
			}
			for _, fault := range append(checker.Object(out), schema.Message(out)...) {
				t.Errorf("%s: %v", name, fault)
			}
			turn = newTurn()
			turn.Request.Streamed = true
			if out, p = messages.Create.Reply(nil, upstream, turn); p != nil {
				t.Fatalf("%s: %+v", name, p)
			}
			check(t, name, out, nil)
			continue
		}
		for _, fault := range schema.MessagesStream(play(newTurn(), upstream)) {
			t.Errorf("%s, by Anthropic's types: %v", name, fault)
		}
		checked := map[string]bool{}
		for i := range upstream {
			for what, out := range map[string][]byte{"cut": play(newTurn(), upstream, i), "that ends": play(newTurn(), upstream[:i])} {
				if !checked[string(out)] { // most are alike
					check(t, fmt.Sprintf("%s %s at %d", name, what, i), out, nil)
				}
				checked[string(out)] = true
			}
			if t.Failed() {
				return
			}
		}
	}
}

// A search that nobody can make is answered without an upstream.
func TestAnAnswerOfTheGatewaysOwnIsAGoodMessage(t *testing.T) {
	c, err := config.Decode([]byte(`{"upstreams":[{"model":"Qwen/X"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(c, gateway.Edge{})
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"false", "true"} {
		x := g.Open(gateway.Head{Method: "POST", Path: "/v1/messages", Header: func(string) string { return "" }}, gateway.Env{Random: newTurn().Edge.Random})
		_, a := x.Request(nil, []byte(`{"model":"claude-x","max_tokens":100,"stream":`+stream+`,"messages":[{"role":"user","content":"Perform a web search for the query: qwen"}],"tools":[{"type":"web_search_20250305","name":"web_search"}]}`))
		switch {
		case a == nil || a.Status != 200:
			t.Fatalf("%+v", a)
		case stream == "true":
			check(t, "search", a.Body, nil)
		default:
			for _, fault := range checker.Object(a.Body) {
				t.Errorf("search: %v\n%s", fault, a.Body)
			}
		}
	}
}

// check lets pass only those faults that tolerated says.
func check(t *testing.T, what string, stream []byte, tolerated []string) {
	t.Helper()
	if bytes.Contains(stream, []byte(`"stop_reason":"refusal"`)) {
		// A filter that stopped the model in a call cut it, and it must not be run.
		tolerated = append(tolerated[:len(tolerated):len(tolerated)], "its partial_json joined must be a JSON object")
	}
	for _, fault := range checker.Check(stream, checker.Options{}) {
		if !slices.ContainsFunc(tolerated, func(s string) bool { return strings.Contains(fault.Error(), s) }) {
			t.Errorf("%s: %v\n%s", what, fault, stream)
		}
	}
}

// A script makes an upstream's stream out of bytes that a fuzzer chose: mostly chunks
// that a server may send, in any order.
type script struct {
	in  []byte
	out strings.Builder
	// odd: a call has arguments that are no object.
	odd bool
}

func (s *script) next() int {
	if len(s.in) == 0 {
		return 0
	}
	b := s.in[0]
	s.in = s.in[1:]
	return int(b)
}

func (s *script) pick(list ...string) string { return list[s.next()%len(list)] }

func (s *script) event(data string) { s.out.WriteString("data: " + data + "\n\n") }

func (s *script) text() string {
	return s.pick(`"a"`, `" word"`, `"\n\n"`, `" "`, `"é"`, `"\n\n\"Hi\" \\ "`, `""`, `null`, `"\u00e9\ud83d\ude00"`, `"\t"`, `"<think>"`, `"{}"`)
}

func (s *script) call() string {
	var b strings.Builder
	b.WriteString("{")
	if n := s.next(); n%8 != 0 {
		fmt.Fprintf(&b, `"index":%d,`, n/8%4)
	}
	if s.next()%2 == 0 {
		b.WriteString(`"id":` + s.pick(`"a"`, `"b"`, `"chatcmpl-tool-1"`, `"c.d:e"`, `""`, `null`, `"toolu_1"`) + `,`)
	}
	b.WriteString(`"type":"function","function":{`)
	if s.next()%2 == 0 {
		b.WriteString(`"name":` + s.pick(`"x"`, `"read_file"`, `"x"`, `""`, `null`) + `,`)
	}
	arguments := s.pick(`"{}"`, `"{\"k\": 1}"`, `"{\"k\""`, `": \"v"`, `"\"}"`, `"}"`, `""`, `null`, `" "`, `"null"`, `"[1]"`, `"{"`, `{"k":1}`, `"oops"`)
	switch arguments {
	case `""`, `null`, `" "`:
	default:
		s.odd = true // if not by itself, then by what stands beside it
	}
	b.WriteString(`"arguments":` + arguments + `}}`)
	return b.String()
}

func (s *script) delta() string {
	var members []string
	if s.next()%4 == 0 {
		members = append(members, `"role":"assistant"`)
	}
	kinds := s.next()
	if kinds&1 != 0 {
		members = append(members, s.pick(`"reasoning":`, `"reasoning_content":`)+s.text())
	}
	if kinds&2 != 0 {
		members = append(members, `"content":`+s.text())
	}
	if kinds&4 != 0 {
		calls := []string{s.call()}
		if kinds&8 != 0 {
			calls = append(calls, s.call())
		}
		members = append(members, `"tool_calls":[`+strings.Join(calls, ",")+`]`)
	}
	if kinds&0x70 == 0x70 {
		members = append(members, `"refusal":`+s.pick(`"No."`, `""`, `null`))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (s *script) run() {
	for steps := 0; len(s.in) > 0 && steps < 200; steps++ {
		switch s.next() % 16 {
		case 0:
			s.event(`{"choices":[{"index":0,"delta":` + s.delta() + `,"finish_reason":` + s.pick(`"stop"`, `"length"`, `"tool_calls"`, `"content_filter"`, `""`, `"abort"`, `"eos"`) +
				`,"stop_reason":` + s.pick(`null`, `"END"`, `151645`) + `}]}`)
		case 1:
			s.event(`{"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":` + strconv.Itoa(steps) + `,"prompt_tokens_details":` + s.pick(`null`, `{"cached_tokens":16}`, `{"cached_tokens":16,"created_cache_tokens":4}`) + `}}`)
		case 2:
			s.event(s.pick(`[DONE]`, `{"error":{"message":"Full.","code":503}}`, `{"choices":[]}`, `{}`, `oops`, `{"choices":[{"index":1,"delta":{"content":"other"}}]}`, ` `, `{"choices":null}`, `null`))
		case 3:
			s.out.WriteString(s.pick(": comment\n\n", "event: x\n", "\n", "\r\n", "id: 1\n", "data\n\n"))
		default:
			s.event(`{"choices":[{"index":0,"delta":` + s.delta() + `}],"usage":` + s.pick(`null`, `null`, `{"prompt_tokens":30,"completion_tokens":`+strconv.Itoa(steps)+`}`) + `}`)
		}
	}
}

// Whatever an upstream sends, and wherever it dies, the client's stream keeps the grammar.
func FuzzMessages(f *testing.F) {
	f.Add([]byte("hello"), uint8(0), uint16(10))
	f.Add([]byte{4, 1, 1, 0, 1, 4, 1, 2, 4, 5, 1, 4, 9, 0, 0, 0, 0, 0, 4, 1, 4, 9, 1, 1, 2, 0, 1, 4, 8, 1}, uint8(3), uint16(100))
	f.Fuzz(func(t *testing.T, program []byte, how uint8, cut uint16) {
		s := script{in: program}
		s.run()
		upstream := []byte(s.out.String())
		turn := func() *hub.Turn {
			turn := newTurn()
			turn.Request.Thinking = how&1 == 0
			turn.Request.SingleCall = how&2 != 0
			turn.Request.Limit = int(how >> 2)
			return turn
		}
		out := play(turn(), upstream)
		var tolerated []string
		if s.odd || bytes.Contains(out, []byte(`"stop_reason":"max_tokens"`)) {
			// The model's own pieces go out as they are; only a cut call must not be JSON. Calls that
			// an odd upstream left open for what came behind them are all cut by the limit.
			tolerated = []string{"its partial_json joined must be a JSON object"}
		}
		check(t, "whole", out, tolerated)
		at := int(cut) % (len(upstream) + 1)
		if again := play(turn(), upstream, at); string(again) != string(out) {
			t.Errorf("cut at %d:\n%s\nwhole:\n%s", at, again, out)
		}
		check(t, "ended", play(turn(), upstream[:at]), tolerated)
		if t.Failed() {
			t.Logf("upstream:\n%s", upstream)
		}
	})
}

// Bytes that no server made.
func FuzzMessagesOfAnyBytes(f *testing.F) {
	f.Add([]byte("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\",\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"x\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"))
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"reasoning\":\"a\"}}]}\r\n\r\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\r\n\r\n"))
	// What the upstream said itself: the dialect changes no text.
	tolerated := []string{"not UTF-8", "half of a surrogate pair", "must be a JSON object", "white space only", "begins with a line feed",
		"message_start counted", "stands twice in one object", "content_block.name is"}
	f.Fuzz(func(t *testing.T, upstream []byte) {
		out := play(newTurn(), upstream)
		check(t, "whole", out, tolerated)
		if t.Failed() {
			t.Logf("upstream:\n%q", upstream)
		}
	})
}
