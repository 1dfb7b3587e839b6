package parts_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

func lines(l ...string) string { return strings.Join(l, "\n") + "\n" }

const (
	role = `delta:{"role":"assistant","content":""}`
	done = "[DONE]"
	stop = "finish:stop"
	tool = "finish:tool_calls"
)

func TestStreamOrdersParts(t *testing.T) {
	tests := []struct {
		name    string
		turn    func(*hub.Turn)
		options parts.Options
		refuse  string
		tools   string
		script  []string
		want    string
	}{
		{
			name:   "thinking, then text",
			script: []string{role, reasoning("The"), reasoning(` user.\n`), text(`\n\nHello`), text(" you"), stop, done},
			want:   lines("begin", "open reasoning", "+The", `+ user.\n`, "close", "open text", "+Hello", "+ you", "close last", "finish stop"),
		},
		{
			name:   "both names of thinking say the same",
			script: []string{`delta:{"reasoning":"a","reasoning_content":"a"}`, `delta:{"reasoning_content":"b","reasoning":null}`, stop, done},
			want:   lines("begin", "open reasoning", "+a", "+b", "close last", "finish stop"),
		},
		{
			name:   "all in one delta",
			script: []string{`delta:{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}],"content":"b","reasoning":"a"}`, tool, done},
			want:   lines("begin", "open reasoning", "+a", "close", "open text", "+b", "close", "open call c1 f", "+{}", "close last", "finish tool_calls"),
		},
		{
			name:   "thinking again makes another part",
			script: []string{reasoning("a"), text("b"), reasoning("c"), text("d"), stop, done},
			want: lines("begin", "open reasoning", "+a", "close", "open text", "+b", "close", "open reasoning", "+c", "close",
				"open text", "+d", "close last", "finish stop"),
		},
		{
			name:   "with thinking off what comes as thinking is the answer",
			turn:   func(t *hub.Turn) { t.Request.Thinking = false },
			script: []string{role, reasoning("Hel"), reasoning("lo"), text("!"), stop, done},
			want:   lines("begin", "open text", "+Hel", "+lo", "+!", "close last", "finish stop"),
		},
		{
			name:    "hidden thinking, then text",
			options: parts.Options{HideReasoning: true},
			script:  []string{role, reasoning("The"), reasoning(` user.\n`), text(`\n\nHello`), text(" you"), stop, done},
			want:    lines("begin", "open text", "+Hello", "+ you", "close last", "finish stop"),
		},
		{
			name:    "hidden thinking between texts and calls",
			options: parts.Options{HideReasoning: true},
			script:  []string{text("a"), reasoning("x"), text(`\nb`), `delta:{"reasoning":"y","tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}]}`, tool, done},
			want:    lines("begin", "open text", "+a", `+\nb`, "close", "open call c1 f", "+{}", "close last", "finish tool_calls"),
		},
		{
			name:    "nothing but hidden thinking",
			options: parts.Options{HideReasoning: true},
			script:  []string{reasoning("x"), "finish:length", done},
			want:    lines("begin", "finish length"),
		},
		{
			name:    "what comes as thinking with thinking off is not hidden",
			turn:    func(t *hub.Turn) { t.Request.Thinking = false },
			options: parts.Options{HideReasoning: true},
			script:  []string{reasoning("Hello"), stop, done},
			want:    lines("begin", "open text", "+Hello", "close last", "finish stop"),
		},
		{
			name:   "a refusal",
			script: []string{text("a"), `delta:{"refusal":"\n"}`, `delta:{"refusal":"\nNo"}`, `delta:{"refusal":"."}`, stop, done},
			want:   lines("begin", "open text", "+a", "close", "open refusal", "+No", "+.", "close last", "finish stop"),
		},
		{
			name:   "an empty answer",
			script: []string{role, stop, done},
			want:   lines("begin", "finish stop"),
		},
		{
			name:   "a filter has taken all deltas away",
			script: []string{`{"choices":[{"index":0,"finish_reason":"content_filter"}]}`, done},
			want:   lines("begin", "finish content_filter"),
		},
		{
			name:   "no delta ever, whatever the reason",
			script: []string{`{"choices":[{"index":0}]}`, `{"choices":[{"index":0,"delta":null,"finish_reason":"stop"}]}`, done},
			want:   lines("begin", "finish content_filter"),
		},
		{
			name:   "a filter stops a text",
			script: []string{text("a"), `{"choices":[{"index":0,"finish_reason":"content_filter"}]}`, done},
			want:   lines("begin", "open text", "+a", "close cut last", "finish content_filter"),
		},
		{
			name:   "another choice is not ours",
			script: []string{text("a"), `{"choices":[{"index":1,"delta":{"content":"x"},"finish_reason":"length"}]}`, stop, done},
			want:   lines("begin", "open text", "+a", "close last", "finish stop"),
		},
		{
			name:   "empty lists and objects say nothing",
			script: []string{`delta:{"content":{},"reasoning":[],"tool_calls":{},"refusal":false}`, `delta:{"tool_calls":[null]}`, stop, done},
			want:   lines("begin", "finish stop"),
		},
		{
			name:   "a text of another type is a fault",
			script: []string{text("a"), `delta:{"content":5}`, stop, done},
			want:   lines("begin", "open text", "+a", "close cut last", "fail 502 The model server's answer holds no message."),
		},
		{
			name:   "calls that are none are no empty answer",
			script: []string{`delta:{"tool_calls":[5,null,[]]}`, stop, done},
			want:   lines("begin", "fail 502 The model server sent a tool call without the tool's name."),
		},
		// White space.
		{
			name:   "white space alone is no text",
			script: []string{reasoning("a"), text(`\n`), text(`\n \t`), stop, done},
			want:   lines("begin", "open reasoning", "+a", "close last", "finish stop"),
		},
		{
			name:    "white space alone is kept where nothing else is",
			options: parts.Options{KeepBlank: true},
			script:  []string{role, text(`\n`), text(`\n`), stop, done},
			want:    lines("begin", "open text", `+\n\n`, "close last", "finish stop"),
		},
		{
			name:   "and dropped where the dialect wants no such text",
			script: []string{role, text(`\n\n`), stop, done},
			want:   lines("begin", "finish stop"),
		},
		{
			name:    "white space between thinking and a call",
			options: parts.Options{KeepBlank: true},
			script:  []string{reasoning("a"), text(`\n\n`), toolCall(`{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}`), text(`\n`), tool, done},
			want:    lines("begin", "open reasoning", "+a", "close", "open call c f", "+{}", "close last", "finish tool_calls"),
		},
		{
			name:   "line feeds behind thinking go, spaces stay",
			script: []string{reasoning("a"), text(`\r\n`), text(`\n  x`), stop, done},
			want:   lines("begin", "open reasoning", "+a", "close", "open text", "+  x", "close last", "finish stop"),
		},
		{
			name:   "white space at the front of an answer without thinking stays",
			script: []string{text(`\n`), text(` x`), stop, done},
			want:   lines("begin", "open text", `+\n x`, "close last", "finish stop"),
		},
		{
			name:   "white space inside a text stays",
			script: []string{text("a"), text(`\n\n`), text("b"), text(`\n`), stop, done},
			want:   lines("begin", "open text", "+a", `+\n\n`, "+b", `+\n`, "close last", "finish stop"),
		},
		// Calls.
		{
			name: "two calls one after another, as vLLM sends them",
			script: []string{
				toolCall(`{"id":"c1","type":"function","index":0,"function":{"name":"f"}}`), toolCall(`{"index":0,"function":{"arguments":"{\"a\": \""}}`),
				toolCall(`{"index":0,"function":{"arguments":"x\"}"}}`),
				toolCall(`{"id":"c2","type":"function","index":1,"function":{"name":"g"}}`), toolCall(`{"index":1,"function":{"arguments":"{}"}}`), tool, done},
			want: lines("begin", "open call c1 f", `+{\"a\": \"`, `+x\"}`, "close", "open call c2 g", "+{}", "close last", "finish tool_calls"),
		},
		{
			name: "interleaved calls",
			script: []string{
				toolCall(`{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a\":"}},{"index":1,"id":"c2","function":{"name":"g","arguments":"{\"b\""}}`),
				toolCall(`{"index":1,"function":{"arguments":":1}"}}`), toolCall(`{"index":0,"function":{"arguments":"2"}}`),
				toolCall(`{"index":0,"function":{"arguments":"}"}}`), toolCall(`{"index":1,"function":{"arguments":" "}}`), tool, done},
			want: lines("begin", "open call c1 f", `+{\"a\":`, "+2", "+}", "close", "open call c2 g", `+{\"b\":1}`, "+ ", "close last", "finish tool_calls"),
		},
		{
			name: "a call that is never complete holds up the next one till the end",
			script: []string{
				toolCall(`{"index":0,"id":"c1","function":{"name":"f"}}`), toolCall(`{"index":1,"id":"c2","function":{"name":"g","arguments":"{}"}}`), text("x"),
				toolCall(`{"index":2,"id":"c3","function":{"name":"h","arguments":"{}"}}`), tool, done},
			want: lines("begin", "open call c1 f", "close empty broken", "open call c2 g", "+{}", "close", "open text", "+x", "close",
				"open call c3 h", "+{}", "close last", "finish tool_calls"),
		},
		{
			name: "a name that comes late",
			script: []string{
				toolCall(`{"index":0,"id":"c1","function":{"arguments":"{\"a\""}}`), toolCall(`{"index":0,"function":{"arguments":":1"}}`),
				toolCall(`{"index":0,"function":{"name":"f"}}`), toolCall(`{"index":0,"function":{"arguments":"}"}}`), tool, done},
			want: lines("begin", "open call c1 f", `+{\"a\":1`, "+}", "close last", "finish tool_calls"),
		},
		{
			name:   "a stop string over three pieces, behind thinking that holds it",
			turn:   func(t *hub.Turn) { t.Request.Stops = words([]string{"STOP"}) },
			script: []string{reasoning("STOP"), text(`\n\na S`), text("T"), text("OP b"), text("c"), stop, done},
			want:   lines("begin", "open reasoning", "+STOP", "close", "open text", "+a ", "close last", "finish stop"),
		},
		{
			name:   "a text that is nothing but a stop string",
			turn:   func(t *hub.Turn) { t.Request.Stops = words([]string{"x", `"é`}) },
			script: []string{text(`\"`), text("é"), text("b"), stop, done},
			want:   lines("begin", "finish stop"),
		},
		{
			name:   "the first of two stop strings counts, and is shown where the client wants it",
			turn:   func(t *hub.Turn) { t.Request.Stops, t.Request.KeepStop = words([]string{"cd", "bc"}), true },
			script: []string{text("abcd"), stop, done},
			want:   lines("begin", "open text", "+abc", "close last", "finish stop"),
		},
		{
			name:   "what is held back goes out before a call, and at the end",
			turn:   func(t *hub.Turn) { t.Request.Stops = words([]string{"STOP"}) },
			script: []string{text("S"), text("T"), toolCall(`{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\":\"STOP\"}"}}`), text("S"), "finish:length", done},
			want:   lines("begin", "open text", "+ST", "close", "open call c f", `+{\"a\":\"STOP\"}`, "close", "open text", "+S", "close cut last", "finish length"),
		},
		{
			name:   "what is held back goes out before a fault",
			turn:   func(t *hub.Turn) { t.Request.Stops = words([]string{"STOP"}) },
			script: []string{text("aST"), "end"},
			want:   lines("begin", "open text", "+a", "+ST", "close cut last", "fail 502 The model server's answer ended before it was complete."),
		},
		{
			name: "text that waits behind a call ends at a stop string, and so does what waits behind it",
			turn: func(t *hub.Turn) { t.Request.Stops = words([]string{"STOP"}) },
			script: []string{toolCall(`{"index":0,"id":"c","function":{"name":"f","arguments":"{"}}`), text("aSTOPb"), toolCall(`{"index":1,"id":"d","function":{"name":"g","arguments":"{}"}}`),
				toolCall(`{"index":0,"function":{"arguments":"}"}}`), text("x"), tool, done},
			want: lines("begin", "open call c f", "+{", "+}", "close", "open text", "+a", "close last", "finish stop"),
		},
		{
			name:  "a name in pieces",
			tools: " get get_weather set_ weather ",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"get_"}}`), toolCall(`{"index":0,"function":{"name":"weather","arguments":""}}`),
				toolCall(`{"index":0,"function":{"arguments":"{}"}}`), toolCall(`{"index":1,"id":"c2","function":{"name":"ge"}}`), toolCall(`{"index":1,"function":{"name":"t_wea"}}`),
				toolCall(`{"index":1,"function":{"name":"ther","arguments":"{}"}}`), tool, done},
			want: lines("begin", "open call c1 get_weather", "+{}", "close", "open call c2 get_weather", "+{}", "close last", "finish tool_calls"),
		},
		{
			name:   "a name that grows",
			tools:  " get_weather ",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"get_"}}`), toolCall(`{"index":0,"id":"c1","function":{"name":"get_weather","arguments":"{}"}}`), tool, done},
			want:   lines("begin", "open call c1 get_weather", "+{}", "close last", "finish tool_calls"),
		},
		{
			name:   "a piece that is a tool is the whole name",
			tools:  " get get_weather ",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"get"}}`), toolCall(`{"index":0,"function":{"name":"get","arguments":"{}"}}`), tool, done},
			want:   lines("begin", "open call c1 get", "+{}", "close last", "finish tool_calls"),
		},
		{
			name:   "a name of no tool waits for arguments, for another call, or for the end",
			tools:  " get ",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"a"}}`), toolCall(`{"index":1,"id":"c2","function":{"name":"b","arguments":"{}"}}`), toolCall(`{"index":2,"id":"c3","function":{"name":"c"}}`), tool, done},
			want:   lines("begin", "open call c1 a", "close empty broken", "open call c2 b", "+{}", "close", "open call c3 c", "close empty broken last", "finish tool_calls"),
		},
		{
			name:   "a repeated name says nothing new",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"f","arguments":"{"}}`), toolCall(`{"index":0,"id":"c1","function":{"name":"f","arguments":"}"}}`), tool, done},
			want:   lines("begin", "open call c1 f", "+{", "+}", "close last", "finish tool_calls"),
		},
		{
			name:   "an empty name and id are none",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"f","arguments":"{"}}`), toolCall(`{"index":0,"id":"","function":{"name":"","arguments":"}"}}`), tool, done},
			want:   lines("begin", "open call c1 f", "+{", "+}", "close last", "finish tool_calls"),
		},
		{
			name: "every call has index 0",
			script: []string{
				toolCall(`{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a\":1}"}}`), toolCall(`{"index":0,"id":"c2","function":{"name":"g","arguments":"{\"b\""}}`),
				toolCall(`{"index":0,"function":{"arguments":":2}"}}`), toolCall(`{"index":0,"id":"c3","function":{"name":"f","arguments":""}}`), tool, done},
			want: lines("begin", "open call c1 f", `+{\"a\":1}`, "close", "open call c2 g", `+{\"b\"`, "+:2}", "close", "open call c3 f", "close empty broken last", "finish tool_calls"),
		},
		{
			name: "no index, ids tell the calls apart",
			script: []string{
				toolCall(`{"id":"c1","function":{"name":"f","arguments":"{\"a\""}}`), toolCall(`{"id":"c1","function":{"name":"f","arguments":":1}"}}`),
				toolCall(`{"id":"c2","function":{"name":"f","arguments":"{}"}},{"id":"c3","function":{"name":"f","arguments":"{}"}}`), tool, done},
			want: lines("begin", "open call c1 f", `+{\"a\"`, "+:1}", "close", "open call c2 f", "+{}", "close", "open call c3 f", "+{}", "close last", "finish tool_calls"),
		},
		{
			name: "neither index nor id, a name begins a call",
			script: []string{
				toolCall(`{"function":{"name":"f"}}`), toolCall(`{"function":{"arguments":"{\"a\""}}`), toolCall(`{"index":null,"function":{"arguments":":1}"}}`),
				toolCall(`{"function":{"name":"f","arguments":"{}"}}`), tool, done},
			want: lines("begin", "open call call_LmdIbRUtugWFbBtyknGttznI f", `+{\"a\"`, "+:1}", "close", "open call call_K1VAzNkvTZfn6Tyz9OLSXklx f", "+{}", "close last", "finish tool_calls"),
		},
		{
			name:   "a call without arguments",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"f"}}`), tool, done},
			want:   lines("begin", "open call c1 f", "close empty broken last", "finish tool_calls"),
		},
		{
			name:   "arguments that are no string",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"f","arguments":{"a":"b\n"}}}`), toolCall(`{"index":1,"id":"c2","function":{"name":"f","arguments":null}}`), tool, done},
			want:   lines("begin", "open call c1 f", `+{\"a\":\"b\\n\"}`, "close", "open call c2 f", "close empty broken last", "finish tool_calls"),
		},
		{
			name:   "a call in the text",
			script: []string{text("a"), toolCall(`{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}`), text("b"), text("c"), stop, done},
			want:   lines("begin", "open text", "+a", "close", "open call c1 f", "+{}", "close", "open text", "+b", "+c", "close last", "finish stop"),
		},
		{
			name: "text inside a call waits",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"f","arguments":"{"}}`), text("b"), text(`\n`), reasoning("r"),
				toolCall(`{"index":0,"function":{"arguments":"}"}}`), text("c"), stop, done},
			want: lines("begin", "open call c1 f", "+{", "+}", "close", "open text", `+b\n`, "close", "open reasoning", "+r", "close", "open text", "+c", "close last", "finish stop"),
		},
		{
			name:   "white space inside a call is nothing",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"f","arguments":"{"}}`), text(`\n`), toolCall(`{"index":0,"function":{"arguments":"}"}}`), tool, done},
			want:   lines("begin", "open call c1 f", "+{", "+}", "close last", "finish tool_calls"),
		},
		{
			name: "a call that is not accepted",
			script: []string{text("a"), toolCall(`{"index":0,"id":"c1","function":{"name":"bad","arguments":"{"}}`), toolCall(`{"index":0,"function":{"arguments":"}"}}`),
				text("b"), tool, done},
			refuse: "bad",
			want:   lines("begin", "open text", "+a", "+b", "close last", "finish tool_calls"),
		},
		{
			name: "only the first call where one is wanted",
			turn: func(t *hub.Turn) { t.Request.SingleCall = true },
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}`), toolCall(`{"index":1,"id":"c2","function":{"name":"f"}}`),
				toolCall(`{"index":1,"function":{"arguments":"{}"}}`), tool, done},
			want: lines("begin", "open call c1 f", "+{}", "close last", "finish tool_calls"),
		},
		{
			name: "ids are new and plain",
			turn: func(t *hub.Turn) { t.UseCallID([]byte("old")) },
			script: []string{toolCall(`{"index":0,"id":"a.b:c","function":{"name":"f","arguments":"{}"}}`), toolCall(`{"index":1,"id":"a_b_c","function":{"name":"f","arguments":"{}"}}`),
				toolCall(`{"index":2,"id":"old","function":{"name":"f","arguments":"{}"}}`), tool, done},
			want: lines("begin", "open call a_b_c f", "+{}", "close", "open call call_LmdIbRUtugWFbBtyknGttznI f", "+{}", "close",
				"open call call_K1VAzNkvTZfn6Tyz9OLSXklx f", "+{}", "close last", "finish tool_calls"),
		},
		{
			name:   "a nameless call beside others goes",
			script: []string{text("a"), toolCall(`{"index":0,"id":"c1","function":{"arguments":"{}"}}`), text("b"), tool, done},
			want:   lines("begin", "open text", "+a", "+b", "close last", "finish tool_calls"),
		},
		{
			name:   "a nameless call alone is a fault",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"arguments":"{}"}}`), tool, done},
			want:   lines("begin", "fail 502 The model server sent a tool call without the tool's name."),
		},
		// Characters.
		{
			name:   "characters cut between chunks",
			script: []string{text(`a\ud83d`), text(`\ude42b`), text("c\xf0\x9f"), text("\x99\x82"), text(`\ud83d`), stop, done},
			want:   lines("begin", "open text", "+a", `+\ud83d\ude42b`, "+c", "+🙂", `+\ufffd`, "close last", "finish stop"),
		},
		{
			name:   "half a character at the end of a part",
			script: []string{reasoning(`a\ud83d`), text(`\ude42`), stop, done},
			want:   lines("begin", "open reasoning", "+a", `+\ufffd`, "close", "open text", `+\ufffd`, "close last", "finish stop"),
		},
		// Ends.
		{
			name:   "cut in a text",
			script: []string{reasoning("a"), text("b"), "finish:length", done},
			want:   lines("begin", "open reasoning", "+a", "close", "open text", "+b", "close cut last", "finish length"),
		},
		{
			name:   "filtered",
			script: []string{text("b"), "finish:content_filter", done},
			want:   lines("begin", "open text", "+b", "close cut last", "finish content_filter"),
		},
		{
			name: "cut in two calls at once",
			script: []string{toolCall(`{"index":0,"id":"c1","function":{"name":"f","arguments":"{"}},{"index":1,"id":"c2","function":{"name":"f","arguments":"{\"a\""}}`),
				"finish:length", done},
			want: lines("begin", "open call c1 f", "+{", "close broken cut", "open call c2 f", `+{\"a\"`, "close broken cut last", "finish length"),
		},
		{
			name:   "the last text comes with the reason",
			script: []string{text("a"), chunk(`"delta":{"content":"b"},"finish_reason":"stop"`), done},
			want:   lines("begin", "open text", "+a", "+b", "close last", "finish stop"),
		},
		{
			name:   "[DONE] without a reason is an end",
			script: []string{text("a"), done},
			want:   lines("begin", "open text", "+a", "close last", "finish "),
		},
		{
			name:   "[DONE] among white space, and nothing behind it",
			script: []string{text("a"), stop, " [DONE]\t", text("b")},
			want:   lines("begin", "open text", "+a", "close last", "finish stop"),
		},
		{
			name:   "[DONE] alone",
			script: []string{done},
			want:   lines("fail 502 The model server's answer ended before it was complete."),
		},
		{
			name:   "[DONE] where nothing was said",
			script: []string{role, `delta:{"content":null,"tool_calls":[]}`, done},
			want:   lines("begin", "fail 502 The model server's answer ended before it was complete."),
		},
		{
			name:   "[DONE] behind a text",
			script: []string{role, text("a"), done},
			want:   lines("begin", "open text", "+a", "close last", "finish "),
		},
		{
			name:   "[DONE] inside a call",
			script: []string{toolCall(`{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\""}}`), done},
			want:   lines("begin", "open call c f", `+{\"a\"`, "close broken cut last", "fail 502 The model server's answer ended before it was complete."),
		},
		{
			name:   "[DONE] before a call's arguments",
			script: []string{text("a"), toolCall(`{"index":0,"id":"c","function":{"name":"f"}}`), done},
			want:   lines("begin", "open text", "+a", "close", "open call c f", "close empty broken cut last", "fail 502 The model server's answer ended before it was complete."),
		},
		{
			name:   "[DONE] behind a call that waits for its name",
			script: []string{toolCall(`{"index":0,"id":"c","function":{"arguments":"{\"a\":"}}`), done},
			want:   lines("begin", "fail 502 The model server's answer ended before it was complete."),
		},
		{
			name:   "[DONE] behind a whole call",
			script: []string{toolCall(`{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}`), done},
			want:   lines("begin", "open call c f", "+{}", "close last", "finish "),
		},
		{
			name:   "a finish inside a call says that it was cut",
			script: []string{toolCall(`{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\": \"}"}}`), tool, done},
			want:   lines("begin", "open call c f", `+{\"a\": \"}`, "close broken cut last", "finish length"),
		},
		{
			name:   "as does one inside the second call of two",
			script: []string{toolCall(`{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}`), toolCall(`{"index":1,"id":"d","function":{"name":"g","arguments":"["}}`), stop, done},
			want:   lines("begin", "open call c f", "+{}", "close", "open call d g", "+[", "close broken cut last", "finish length"),
		},
		{
			name:   "a call without arguments is whole",
			script: []string{toolCall(`{"index":0,"id":"c","function":{"name":"f","arguments":" "}}`), tool, done},
			want:   lines("begin", "open call c f", "+ ", "close broken last", "finish tool_calls"),
		},
		{
			name:   "a model that repeats itself was cut",
			script: []string{text("a"), "finish:repetition", done},
			want:   lines("begin", "open text", "+a", "close cut last", "finish length"),
		},
		{
			name:   "a reason that nobody knows is an end",
			script: []string{text("a"), "finish:eos", done},
			want:   lines("begin", "open text", "+a", "close last", "finish stop"),
		},
		{
			name:   "a reason without [DONE] is an end",
			script: []string{text("a"), stop, "end"},
			want:   lines("begin", "open text", "+a", "close last", "finish stop"),
		},
		{
			name:   "a last chunk that is cut off behind the reason",
			script: []string{text("a"), stop, `{"choices":[],"usage":{"prom`, "end"},
			want:   lines("begin", "open text", "+a", "close last", "finish stop"),
		},
		{
			name:   "neither is a fault",
			script: []string{text("a"), "end"},
			want:   lines("begin", "open text", "+a", "close cut last", "fail 502 The model server's answer ended before it was complete."),
		},
		{
			name:   "nothing at all",
			script: []string{"end"},
			want:   lines("fail 502 The model server's answer ended before it was complete."),
		},
		{
			name:   "an error inside",
			script: []string{text("a"), `{"error":{"message":"EngineCore died","type":"InternalServerError","param":null,"code":500}}`, done},
			want:   lines("begin", "open text", "+a", "close cut last", "fail 500 EngineCore died"),
		},
		{
			name:   "an error behind the reason",
			script: []string{text("a"), stop, `{"error":{"message":"EngineCore died","type":"InternalServerError","param":null,"code":500}}`, done},
			want:   lines("begin", "open text", "+a", "close last", "finish stop"),
		},
		{
			name:   "an error first",
			script: []string{`{"error":{"message":"too long","code":400}}`, text("a")},
			want:   lines("fail 400 too long"),
		},
		{
			name:   "reasons that are failures",
			script: []string{text("a"), "finish:abort", done},
			want:   lines("begin", "open text", "+a", "close cut last", `fail 502 The model server broke its answer off (finish_reason "abort").`),
		},
		{
			name:   "garbage",
			script: []string{text("a"), `{"choices":[{"delta"`, text("b")},
			want:   lines("begin", "open text", "+a", "close cut last", "fail 502 The model server's answer can't be read."),
		},
		{
			name:    "an early beginning",
			options: parts.Options{Early: true},
			script:  []string{"end"},
			want:    lines("begin", "fail 502 The model server's answer ended before it was complete."),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			turn := newTurn()
			if test.turn != nil {
				test.turn(turn)
			}
			w := &recorder{refuse: test.refuse, tools: test.tools}
			test.options.CallPrefix = "call_"
			if diff := cmp.Diff(test.want, stream(turn, w, test.options, test.script...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, f := range w.faults {
				t.Error(f)
			}
		})
	}
}

func TestStreamKeepsLogprobsBesideTheirText(t *testing.T) {
	piece := func(text, list string) string {
		return chunk(`"delta":{"content":"` + text + `"},"logprobs":{"content":` + list + `},"finish_reason":null`)
	}
	tests := []struct {
		name   string
		script []string
		want   string
	}{
		{"as they come", []string{piece("a", `[{"token":"a"}]`), piece("b", `[{"token":"b"}]`)}, lines(`+a  [{"token":"a"}]`, `+b  [{"token":"b"}]`)},
		{"none", []string{piece("a", "null"), chunk(`"delta":{"content":"b"},"logprobs":5`)}, lines("+a", "+b")},
		{"of white space that waits", []string{piece(`\n`, `[{"token":"\n"}]`), piece(" ", `[ ]`), piece("b", `[{"token":"b"}]`)}, lines(`+\n b  [{"token":"\n"},{"token":"b"}]`)},
		{"of line feeds behind thinking", []string{reasoning("t"), piece(`\n`, `[{"token":"\n"}]`), piece(`\n`, `[ {"token":"\n"} , {"token":""}]`), piece("b", `[{"token":"b"}]`)},
			lines("open reasoning", "+t", "close", "open text", `+b  [{"token":""},{"token":"b"}]`)},
		{"of line feeds and spaces behind thinking", []string{reasoning("t"), piece(`\n`, `[{"token":"\n"}]`), piece(`\n b`, `[{"token":"\n "},{"token":"b"}]`)},
			lines("open reasoning", "+t", "close", "open text", `+ b  [{"token":"\n "},{"token":"b"}]`)},
		{"of nothing but line feeds", []string{reasoning("t"), piece(`\nb`, `[{"token":"\n"}]`)}, lines("open reasoning", "+t", "close", "open text", `+b  []`)},
		{"of half a character", []string{piece(`\ud83d`, `[1]`), piece(`\ude42`, `[ 2 ]`), piece("c", "[3]")}, lines(`+\ud83d\ude42  [1, 2 ]`, "+c  [3]")},
		{"of text inside a call", []string{toolCall(`{"index":0,"id":"c","function":{"name":"f"}}`), piece("a", `[1]`), piece("b", `[]`), piece("c", "[3]")},
			lines("close empty broken", "open text", `+abc  [1,3]`)},
		{"of a token without text", []string{piece("a", "[1]"), chunk(`"delta":{},"logprobs":{"content":[2]},"finish_reason":"stop"`)}, lines("+a  [1]")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := stream(newTurn(), &recorder{}, parts.Options{}, append(test.script, stop, done)...)
			got = strings.TrimPrefix(strings.TrimPrefix(got, "begin\n"), "open text\n")
			got = strings.TrimPrefix(got, "open call c f\n")
			got, _, _ = strings.Cut(got, "close last\n")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStreamNotesWhatTheUpstreamSaysOfTheTurn(t *testing.T) {
	turn := newTurn()
	stream(turn, &recorder{}, parts.Options{},
		`{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":9,"completion_tokens":1}}`,
		chunk(`"delta":{},"finish_reason":"stop","stop_reason":"\n##"`),
		`{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":8,"created_cache_tokens":null},"completion_tokens_details":{"reasoning_tokens":2}}}`,
		done)
	if want := (hub.Usage{Prompt: 9, Completion: 4, Cached: 8, Reasoning: 2}); !turn.Reply.HasUsage || turn.Reply.Usage != want {
		t.Errorf("usage %+v, want %+v", turn.Reply.Usage, want)
	}
	if turn.Reply.Finish != "stop" || turn.Reply.StopWord != "\n##" {
		t.Errorf("finish %q, stop word %q", turn.Reply.Finish, turn.Reply.StopWord)
	}
}

func TestStreamReadsAnErrorThatIsNoEvent(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"in one line", []string{`{"error":{"message":"no room","code":503}}` + "\n"}, "fail 503 no room\n"},
		{"in several", []string{"{\n", `  "error": {"message": "no room",` + "\n" + `"code": 503}` + "\n", "}\n"}, "fail 503 no room\n"},
		{"that is none", []string{": ping\n", "{\"a\":1}\n"}, ": keep-alive\n\nfail 502 The model server's answer ended before it was complete.\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			turn := newTurn()
			s := parts.NewStream(turn, &recorder{turn: turn}, parts.Options{})
			var out []byte
			for _, line := range test.lines {
				var done bool
				if out, done = s.Event(out, []byte(line), nil, false); done {
					t.Fatal("it ended before the end")
				}
			}
			if got := string(s.End(out)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestStreamKnowsAnErrorByItsEventName(t *testing.T) {
	turn := newTurn()
	s := parts.NewStream(turn, &recorder{turn: turn}, parts.Options{})
	out, ended := s.Event(nil, []byte("id: 3\nevent: error\n"), []byte(`{"code":"InternalError","message":"try again"}`), true)
	if !ended || string(out) != "fail 502 try again\n" {
		t.Errorf("got %q, %v", out, ended)
	}
	out, ended = s.Event(nil, []byte("event: result\n"), []byte(`{"output":1}`), true)
	if ended {
		t.Errorf("an event of another name ended the stream: %q", out)
	}
}

func TestStreamBeatsWithACommentUntilItHasBegun(t *testing.T) {
	turn := newTurn()
	s := parts.NewStream(turn, &recorder{turn: turn}, parts.Options{})
	if out := s.Beat(s.Begin(nil), 1); string(out) != ": keep-alive\n\n" {
		t.Errorf("before the first event: %q", out)
	}
	out, _ := s.Event(nil, nil, []byte(chunk(`"delta":{"role":"assistant"}`)), true)
	if got := string(s.Beat(out, 2)); got != "begin\nbeat 2\n" {
		t.Errorf("got %q", got)
	}
}

// What a stream has said may all be kept, or said once more: so there is a bound to it, whatever
// it says and wherever that waits.
func TestAStreamSaysOnlySoMuch(t *testing.T) {
	hundred := strings.Repeat("x", 100)
	unnamed := func(text string) string {
		return toolCall(`{"index":0,"id":"c","function":{"arguments":"` + text + `"}}`)
	}
	tests := []struct {
		name   string
		script []string
		events int // after which it is too much; 0: it is not
	}{
		{"text", []string{text(hundred)}, 11},
		{"thinking", []string{reasoning(hundred)}, 11},
		{"white space that waits for a text", []string{text(strings.Repeat(" ", 100))}, 11},
		{"refusal", []string{`delta:{"refusal":"` + hundred + `"}`}, 11},
		{"both in turn", []string{text(hundred), reasoning(hundred)}, 11},
		{"arguments", []string{toolCall(`{"index":0,"id":"c","function":{"name":"f","arguments":"` + hundred + `"}}`)}, 7},
		{"arguments that wait for a name", []string{unnamed(hundred)}, 7},
		{"calls without anything", []string{toolCall(`{"index":0}`)}, 16},
		{"log-probabilities", []string{chunk(`"delta":{"content":"x"},"logprobs":{"content":[{"token":"` + hundred + `"}]},"finish_reason":null`)}, 0},
		{"more of them", []string{chunk(`"delta":{"content":"x"},"logprobs":{"content":[{"token":"` + hundred + hundred + hundred + hundred + hundred + `"}]},"finish_reason":null`)}, 19},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for n := 1; n <= 20; n++ {
				turn := newTurn()
				turn.MaxEvent, turn.MaxReply = 1000, 10_000
				script := []string{}
				for i := range n {
					script = append(script, tt.script[i%len(tt.script)])
				}
				out := stream(turn, &recorder{}, parts.Options{}, script...)
				if over := strings.Contains(out, "over the size limit"); over != (tt.events > 0 && n >= tt.events) {
					t.Fatalf("after %d events: over the limit %t\n%s", n, over, out)
				}
			}
		})
	}
}
