package responses

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/qwenvoy/qwenvoy/e2e/fold"
	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// Chunks of an upstream's stream.
func chunk(delta, finish string) string {
	reason := "null"
	if finish != "" {
		reason = `"` + finish + `"`
	}
	return `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"qwen","choices":[{"index":0,"delta":` + delta +
		`,"logprobs":null,"finish_reason":` + reason + `}]}` + "\n\n"
}

func text(s string) string  { return chunk(`{"content":"`+s+`"}`, "") }
func think(s string) string { return chunk(`{"reasoning":"`+s+`"}`, "") }

// call is a whole call of the upstream's function name.
func call(name, arguments string) string {
	quoted, err := json.Marshal(arguments)
	if err != nil {
		panic(err)
	}
	return chunk(`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"`+name+`","arguments":`+string(quoted)+`}}]}`, "")
}

const (
	usage = `data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":8}}}` + "\n\n"
	done  = "data: [DONE]\n\n"
)

// clientTools are one of each kind.
var clientTools = toolset.Table{Tools: []toolset.Tool{
	{Upstream: "get_weather", Name: []byte("get_weather")},
	{Upstream: "crm__find", Name: []byte("find"), Namespace: []byte("crm")},
	{Upstream: "apply_patch", Kind: toolset.Custom, Name: []byte("apply_patch")},
	{Upstream: "ns__exec", Kind: toolset.Custom, Name: []byte("exec"), Namespace: []byte("ns")},
	{Upstream: "tool_search", Kind: toolset.ToolSearch, Name: []byte("tool_search")},
	{Upstream: "local_shell", Kind: toolset.LocalShell, Name: []byte("local_shell")},
	{Upstream: "shell", Kind: toolset.Shell, Name: []byte("shell")},
	{Upstream: "patch", Kind: toolset.ApplyPatch, Name: []byte("patch")},
}}

const (
	id1 = "abcdefghijklmnopqrst0001"
	id2 = "abcdefghijklmnopqrst0002"
)

func rows(l ...string) string { return strings.Join(l, "\n") + "\n" }

// object is a response object of the short echo.
func object(completedAt, status, fault, details, output, usage string) string {
	return `{"id":"resp_abcdefghijklmnopqrst0000","object":"response","created_at":1795248367,"completed_at":` + completedAt + `,"status":"` + status + `","error":` + fault +
		`,"incomplete_details":` + details + `,"output":[` + output + `],"usage":` + usage + `,"model":"qwen3.5-thinking-coding"}`
}

func completedWith(output string) string {
	return "completed " + object("1795248372", "completed", "null", "null", output, "null")
}

// A streamCase is a section of testdata/streams.txtar: the upstream's events, a line each,
// then a blank line, then what the client gets, folded (package fold). A line of the upstream
// is a delta, with the finish_reason behind it if there is one; usage; [DONE]; or as it is sent.
type streamCase struct{ name, upstream, want string }

var deltaLine = regexp.MustCompile(`^(\{.*\})(?: (\w+))?$`)

func streamCases(t *testing.T) (cases []streamCase) {
	t.Helper()
	a, err := txtar.ParseFile("testdata/streams.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		lines, want, _ := strings.Cut(string(f.Data), "\n\n")
		c := streamCase{name: f.Name, want: strings.TrimSuffix(fold.Out(want), "\n")}
		for line := range strings.SplitSeq(lines, "\n") {
			switch m := deltaLine.FindStringSubmatch(line); {
			case m != nil:
				c.upstream += chunk(m[1], m[2])
			case line == "usage":
				c.upstream += usage
			case line == "[DONE]":
				c.upstream += done
			default:
				c.upstream += line + "\n\n"
			}
		}
		cases = append(cases, c)
	}
	return cases
}

// updateStreams writes what the client gets into the cases' file.
func updateStreams(t *testing.T, got map[string]string) {
	t.Helper()
	a, err := txtar.ParseFile("testdata/streams.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Files {
		f := &a.Files[i]
		if want, ran := got[f.Name]; ran {
			lines, _, _ := strings.Cut(string(f.Data), "\n\n")
			f.Data = []byte(lines + "\n\n" + fold.In(want) + "\n")
		}
	}
	if err := os.WriteFile("testdata/streams.txtar", txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

// clientsWishes are what some cases of streams.txtar stand on beside the upstream's events.
var clientsWishes = map[string]func(*request, *hub.Turn){
	"thinking as a summary": func(r *request, t *hub.Turn) {
		r.summary = true
		t.Responses.ReasoningEvents = hub.OpenResponses // knows summaries too
	},
	"thinking under the names of Open Responses": func(_ *request, t *hub.Turn) { t.Responses.ReasoningEvents = hub.OpenResponses },
	"in the background":                          func(r *request, _ *hub.Turn) { r.background = true },
	"with a mark at the end":                     func(_ *request, t *hub.Turn) { t.Responses.DoneMarker = true },
	"a call that tool_choice forbids":            func(r *request, _ *hub.Turn) { r.tools.Only, r.tools.Allowed = true, []string{"shell"} },
}

func TestStream(t *testing.T) {
	all, wishes := map[string]string{}, maps.Clone(clientsWishes)
	for _, test := range streamCases(t) {
		t.Run(test.name, func(t *testing.T) {
			r := newRequest()
			r.tools = clientTools
			turn := replyTurn(r)
			if wish := wishes[test.name]; wish != nil {
				wish(r, turn)
				delete(wishes, test.name)
			}
			got := summary(t, play(turn, test.upstream))
			all[test.name] = got
			if diff := cmp.Diff(test.want, got); diff != "" && !*update {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for name := range wishes {
		t.Errorf("there is no case %q", name)
	}
	if *update {
		updateStreams(t, all)
	}
}

// TestActions: calls whose items carry what is to be done as JSON.
func TestActions(t *testing.T) {
	tests := []struct {
		name, tool, arguments, finish string
		want                          string // the item without type and ids
	}{
		{"a search", "tool_search", `{"query":"mail"}`, "", `"execution":"client","arguments":{"query":"mail"},"status":"completed"`},
		{"a search without arguments", "tool_search", ``, "", `"execution":"client","arguments":{},"status":"completed"`},
		{"a search that is no object", "tool_search", `mail "x"`, "", `"execution":"client","arguments":{"_raw_arguments":"mail \"x\""},"status":"completed"`},
		{"a search that was cut", "tool_search", `{"query":"ma`, "length", `"execution":"client","arguments":{"_raw_arguments":"{\"query\":\"ma"},"status":"incomplete"`},
		{"what strict decoders refuse", "tool_search", `{"q":"a\ud83d"}`, "", `"execution":"client","arguments":{"q":"a\ufffd"},"status":"completed"`},

		{"a command", "local_shell", `{"command":["ls","-l"],"env":{"A":"b"},"timeout_ms":1000,"working_directory":"/tmp","more":1}`, "",
			`"action":{"type":"exec","command":["ls","-l"],"env":{"A":"b"},"timeout_ms":1000,"working_directory":"/tmp"},"status":"completed"`},
		{"a command alone", "local_shell", `{"command":["ls"],"timeout_ms":null,"env":null}`, "", `"action":{"type":"exec","command":["ls"],"env":{}},"status":"completed"`},
		{"a line for a command", "local_shell", `{"command":"ls | wc"}`, "", `"action":{"type":"exec","command":["bash","-lc","ls | wc"],"env":{}},"status":"completed"`},
		{"members of wrong types", "local_shell", `{"command":["ls",5],"env":{"A":1},"timeout_ms":1.5,"working_directory":{}}`, "",
			`"action":{"type":"exec","command":[],"env":{},"_raw_arguments":"{\"command\":[\"ls\",5],\"env\":{\"A\":1},\"timeout_ms\":1.5,\"working_directory\":{}}"},"status":"completed"`},
		{"a command that was cut", "local_shell", `{"command":["rm","/tmp/x`, "length",
			`"action":{"type":"exec","command":[],"env":{},"_raw_arguments":"{\"command\":[\"rm\",\"/tmp/x"},"status":"incomplete"`},

		{"commands", "shell", `{"commands":["ls","pwd"],"timeout_ms":5000,"max_output_length":4096}`, "",
			`"action":{"commands":["ls","pwd"],"timeout_ms":5000,"max_output_length":4096},"environment":{"type":"local"},"status":"completed"`},
		{"one command for a list", "shell", `{"commands":"ls","timeout_ms":-1}`, "",
			`"action":{"commands":["ls"],"timeout_ms":null,"max_output_length":null},"environment":{"type":"local"},"status":"completed"`},
		{"commands that are none", "shell", `["ls"]`, "",
			`"action":{"commands":[],"timeout_ms":null,"max_output_length":null,"_raw_arguments":"[\"ls\"]"},"environment":{"type":"local"},"status":"completed"`},

		{"a new file", "patch", `{"operation":{"type":"create_file","path":"a.go","diff":"+x\n"}}`, "", `"operation":{"type":"create_file","path":"a.go","diff":"+x\n"},"status":"completed"`},
		{"an operation without its object", "patch", `{"type":"update_file","path":"a","diff":"@@"}`, "", `"operation":{"type":"update_file","path":"a","diff":"@@"},"status":"completed"`},
		{"a file that goes", "patch", `{"operation":{"type":"delete_file","path":"a","diff":""}}`, "", `"operation":{"type":"delete_file","path":"a"},"status":"completed"`},
		{"an unknown operation", "patch", `{"operation":{"type":"move_file","path":"a"}}`, "",
			`"operation":{"type":"update_file","path":"","diff":"{\"operation\":{\"type\":\"move_file\",\"path\":\"a\"}}"},"status":"completed"`},
		{"a patch that a limit may have cut", "patch", `{"operation":{"type":"create_file","path":"a","diff":"+x"}}`, "length",
			`"operation":{"type":"update_file","path":"","diff":"{\"operation\":{\"type\":\"create_file\",\"path\":\"a\",\"diff\":\"+x\"}}"},"status":"completed"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRequest()
			r.tools = clientTools
			finish := test.finish
			if finish == "" {
				finish = "tool_calls"
			}
			stream := play(replyTurn(r), call(test.tool, test.arguments)+chunk(`{}`, finish)+done)
			_, item, _ := bytes.Cut(stream, []byte("event: response.output_item.done\n"))
			_, item, _ = bytes.Cut(item, []byte(`"call_id":"call_1",`))
			item, _, _ = bytes.Cut(item, []byte("}}\n\n"))
			if diff := cmp.Diff(test.want, string(item)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !json.Valid(lastResponse(t, stream)) {
				t.Errorf("not JSON: %s", lastResponse(t, stream))
			}
		})
	}
}

func TestThinkingIsSealedWhereTheClientAsked(t *testing.T) {
	r := newRequest()
	r.sealed = true
	turn := replyTurn(r)
	turn.Responses.HasKey = true
	stream := play(turn, think(`a\n`)+think(`\u00e9`)+text("b")+chunk(`{}`, "stop")+done)
	var response struct {
		Output []struct {
			Type             string
			EncryptedContent *string `json:"encrypted_content"`
		}
	}
	if err := json.Unmarshal(lastResponse(t, stream), &response); err != nil {
		t.Fatal(err)
	}
	if len(response.Output) != 2 || response.Output[0].EncryptedContent == nil || response.Output[1].EncryptedContent != nil {
		t.Fatalf("%+v", response)
	}
	blob := *response.Output[0].EncryptedContent
	// Another instance with the same key reads it.
	plain, kind, ok := openBlob(nil, []byte(blob), 100, &hub.Turn{Settings: &hub.Settings{Responses: hub.ResponsesSettings{HasKey: true}}})
	if !ok || kind != reasoningBlob || string(plain) != "a\né" {
		t.Errorf("%q, %c, %v", plain, kind, ok)
	}
	for line := range bytes.Lines(stream) {
		if bytes.Contains(line, []byte(`_item.added"`)) && bytes.Contains(line, []byte("encrypted_content")) {
			t.Errorf("before the thinking is over: %s", line)
		}
		if bytes.Contains(line, []byte(`_item.done"`)) && bytes.Contains(line, []byte(`"type":"reasoning"`)) && !bytes.Contains(line, []byte(blob)) {
			t.Errorf("another in %s", line)
		}
	}
	if plain := play(replyTurn(newRequest()), think("a")+done); bytes.Contains(plain, []byte("encrypted_content")) {
		t.Errorf("unasked: %s", plain)
	}
}

func TestLogprobsComeWhereTheyWereAsked(t *testing.T) {
	upstream := `data: {"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-1.5,` + "\ndata: " +
		`"bytes":[97],"top_logprobs":[]}]}}]}` + "\n\n" +
		`data: {"choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[]}}]}` + "\n\n" +
		`data: {"choices":[{"index":0,"delta":{"content":"c"},"logprobs":{"content":[{"token":"c","logprob":-2,"bytes":[99],"top_logprobs":[]}]}}]}` + "\n\n" + done
	r := newRequest()
	r.logprobs = true
	a, c := `{"token":"a","logprob":-1.5,"bytes":[97],"top_logprobs":[]}`, `{"token":"c","logprob":-2,"bytes":[99],"top_logprobs":[]}`
	got := strings.ReplaceAll(string(play(replyTurn(r), upstream)), `-1.5, "`, `-1.5,"`) // a line end inside JSON
	for _, want := range []string{
		`"delta":"a","logprobs":[` + a + `]}`, `"delta":"b","logprobs":[]}`, `"delta":"c","logprobs":[` + c + `]}`,
		`"text":"abc","logprobs":[` + a + "," + c + `]}`, `"part":{"type":"output_text","text":"abc","logprobs":[` + a + "," + c + `],"annotations":[]}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if got := string(play(replyTurn(newRequest()), upstream)); strings.Contains(got, "token") {
		t.Errorf("unasked: %s", got)
	}
}

func TestBeats(t *testing.T) {
	s := Create.Stream(replyTurn(newRequest()))
	out := s.Begin(nil)
	out, _ = s.Event(out, nil, []byte(`{"choices":[{"index":0,"delta":{"reasoning":"a"}}]}`), true)
	for n := range 8 {
		out = s.Beat(out, n+1)
	}
	out, ended := s.Event(out, nil, []byte("[DONE]"), true)
	if !ended {
		t.Error("no end")
	}
	got := summary(t, out)
	_, got, _ = strings.Cut(got, "reasoning_text.delta")
	_, got, _ = strings.Cut(got, "\n")
	beats := rows(": keep-alive", ": keep-alive", ": keep-alive", "in_progress")
	if !strings.HasPrefix(got, beats+beats+"reasoning_text.done") {
		t.Errorf("got %s", got)
	}
	if n := bytes.Count(out, []byte(`"output":[]`)); n != 4 {
		t.Errorf("%d running responses without output, want 4", n)
	}
}

func TestCompactionIsTheOnlyItem(t *testing.T) {
	r := newRequest()
	r.compaction = true
	turn := replyTurn(r)
	stream := play(turn, text(`All \"was\"`)+call("get_weather", "{}")+text(` said.`)+chunk(`{}`, "stop")+done)
	blob, ok := appendSealed(nil, coveringBlob, []byte(`All \"was\" said.`), turn)
	if !ok {
		t.Fatal("no blob")
	}
	item := `{"type":"compaction","id":"cmp_` + id2 + `","encrypted_content":"` + string(blob) + `"}`
	want := rows("created", "in_progress", `output_item.added "output_index":0,"item":{"type":"compaction","id":"cmp_`+id2+`","encrypted_content":""}`,
		`output_item.done "output_index":0,"item":`+item, completedWith(item))
	want = strings.ReplaceAll(want, id2, id1) // the call that was dropped has no place
	if diff := cmp.Diff(want, summary(t, stream)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	stream = play(replyTurn(r), think("a")+chunk(`{}`, "stop")+done)
	if got := summary(t, stream); !strings.HasSuffix(got, "failed "+object("null", "failed", `{"code":"server_error","message":"The model server gave no summary of the conversation."}`, "null", "", "null")+"\n") {
		t.Errorf("without a summary: %s", got)
	}
}

func TestCompact(t *testing.T) {
	r := newRequest()
	r.compaction, r.blob = true, keptBlob
	r.kept = []byte(`{"type":"message","id":"msg_1","role":"user","content":[{"type":"input_text","text":"Hi"}]}`)
	upstream := func(content string) string {
		return `{"choices":[{"index":0,"message":{"role":"assistant","content":` + content + `},"finish_reason":"stop"}]}`
	}
	turn := replyTurn(r)
	got := reply(t, Compact, turn, upstream(`"A greeting."`))
	blob, _ := appendSealed(nil, keptBlob, []byte("A greeting."), turn)
	want := `{"id":"resp_abcdefghijklmnopqrst0000","object":"response.compaction","created_at":1795248367,"output":[` + string(r.kept) + `,{"type":"compaction","id":"cmp_` + id1 +
		`","encrypted_content":"` + string(blob) + `"}],"usage":{"input_tokens":0,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":0,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":0}}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if out, p := Compact.Reply(nil, []byte(upstream("null")), replyTurn(r)); p == nil || p.Status != 502 || len(out) > 0 {
		t.Errorf("without a summary: %s, %+v", out, p)
	}
}

func TestInputTokens(t *testing.T) {
	got := reply(t, InputTokens, replyTurn(nil), `{"max_model_len":8192,"count":13,"tokens":[4001,2252]}`)
	if want := `{"object":"response.input_tokens","input_tokens":13}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, body := range []string{`{"tokens":[]}`, `{"count":"13"}`, `[]`, ``, `{"count":-1}`} {
		if out, p := InputTokens.Reply(nil, []byte(body), replyTurn(nil)); p == nil || p.Status != 502 {
			t.Errorf("%s gives %s, %+v", body, out, p)
		}
	}
}

// TestAWholeReplyThatFails: no object, but an error for the HTTP reply.
func TestAWholeReplyThatFails(t *testing.T) {
	for _, body := range []string{
		`{"error":{"message":"x","code":500}}`, `{"choices":[{"message":{"content":"a"},"finish_reason":"error"}]}`, `{"choices":[`,
		`{"choices":[{"message":{"tool_calls":[{"id":"a","function":{"arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`,
	} {
		if out, p := Create.Reply([]byte("x"), []byte(body), replyTurn(newRequest())); p == nil || p.Status < 500 || string(out) != "x" {
			t.Errorf("%s gives %s, %+v", body, out, p)
		}
	}
}
