package local

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// What agents grow to: one huge result, hundreds of tools, a conversation of days.
func TestLargeAgentRequestsGoThrough(t *testing.T) {
	const question = `{"role":"user","content":"read it"}`
	call := func(id string) string {
		return `{"role":"assistant","content":[{"type":"tool_use","id":"` + id + `","name":"f","input":{"path":"` + id + `"}}]}`
	}
	result := func(id, text string) string {
		return `{"role":"user","content":[{"type":"tool_result","tool_use_id":"` + id + `","content":"` + text + `"}]}`
	}
	line := strings.Repeat("x", 97) + `\"\n`
	megabyte := strings.Repeat(line, 1_000_000/len(line)+1)

	tools := make([]string, 300)
	for i := range tools {
		tools[i] = fmt.Sprintf(`{"name":"tool_%d","description":"does %d","input_schema":{"type":"object","properties":{"a":{"type":"string"}}}}`, i, i)
	}
	days := []string{question}
	for i := len(days); i < 1999; i += 2 {
		id := "call_" + strconv.Itoa(i)
		days = append(days, call(id), result(id, "result of "+id))
	}
	days = append(days, question)

	for _, c := range []struct {
		name, fields string
		check        func(t *testing.T, up gjson.Result)
	}{
		{"a result of a megabyte", `"messages":[` + question + "," + call("a") + "," + result("a", megabyte) + `]`, func(t *testing.T, up gjson.Result) {
			if got := up.Get("messages.2.content").Raw; got != `"`+megabyte+`"` {
				t.Errorf("the result came up as %d bytes of %d", len(got)-2, len(megabyte))
			}
		}},
		{"300 tools", `"messages":[` + question + `],"tools":[` + strings.Join(tools, ",") + `]`, func(t *testing.T, up gjson.Result) {
			names := up.Get("tools.#.function.name").Array()
			if len(names) != 300 || names[0].Str != "tool_0" || names[299].Str != "tool_299" {
				t.Errorf("%d tools came up: %s", len(names), names)
			}
		}},
		{"2,000 messages", `"messages":[` + strings.Join(days, ",") + `]`, func(t *testing.T, up gjson.Result) {
			got := up.Get("messages").Array()
			if len(days) != 2000 || len(got) != len(days) {
				t.Fatalf("%d messages of %d came up", len(got), len(days))
			}
			for i := 1; i < 1999; i += 2 {
				id := "call_" + strconv.Itoa(i)
				if got[i].Get("tool_calls.0.id").Str != id || got[i+1].Get("tool_call_id").Str != id || got[i+1].Get("content").Str != "result of "+id {
					t.Fatalf("messages %d and %d came up as %s %s", i, i+1, got[i].Raw, got[i+1].Raw)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEveryEdge(t, func(t *testing.T, e edge) {
				var got []byte
				id := play(t, func(w http.ResponseWriter, r *http.Request) {
					got, _ = io.ReadAll(r.Body)
					w.Header().Set("content-type", "application/json")
					_, _ = io.WriteString(w, reply)
				})
				status, text, err := askBig(t, e.url+"/v1/messages", id, strings.NewReader(`{"model":"`+virtual+`","max_tokens":100,`+c.fields+`}`))
				if err != nil || status != 200 || gjson.Get(text, "content.0.text").Str != "Hello." {
					t.Fatalf("got %d %.300s (%v)", status, text, err)
				}
				c.check(t, gjson.ParseBytes(got))
			})
		})
	}
}
