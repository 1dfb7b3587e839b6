package agents

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// completions checks that exactly n requests reached the model, all of them for chat and all
// answered, and returns them.
func completions(t *testing.T, got []*Exchange, n int) []*Exchange {
	t.Helper()
	for i, e := range got {
		if e.Path != "/v1/chat/completions" || e.Status != http.StatusOK || e.Cut {
			t.Errorf("the model's request %d: %s %s got %d %.500s (cut: %t)", i+1, e.Method, e.Path, e.Status, e.Response, e.Cut)
		}
	}
	if len(got) != n {
		t.Fatalf("%d requests reached the model, want %d", len(got), n)
	}
	return got
}

// grows checks that each request's messages begin with all of the one before it, byte for
// byte: what the model's server has computed once it need not compute again.
func grows(t *testing.T, requests []*Exchange) {
	t.Helper()
	var before []gjson.Result
	for i, e := range requests {
		now := messages(e)
		for j, m := range before {
			if j >= len(now) || now[j].Raw != m.Raw {
				after := "nothing"
				if j < len(now) {
					after = now[j].Raw
				}
				t.Errorf("request %d changed message %d of the one before:\n%s\nis now\n%s", i+1, j, around(m.Raw, after), around(after, m.Raw))
				break
			}
		}
		before = now
	}
}

// around is the part of a where it begins to differ from b.
func around(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return "…" + a[max(0, i-100):min(len(a), i+300)] + "…"
}

func messages(e *Exchange) []gjson.Result { return gjson.GetBytes(e.Request, "messages").Array() }

// A turn is what the model's server is to be told of a message: its role, its content, its
// reasoning, and its calls or what it answers.
type turn struct {
	role, content, reasoning string
	calls                    []string // name and arguments
}

// told checks the messages of a request from the last n-th on. A content that ends in "…" is
// looked for at the start, one that begins with it at the end.
func told(t *testing.T, e *Exchange, want ...turn) {
	t.Helper()
	got := messages(e)
	if len(got) < len(want) {
		t.Fatalf("%d messages, want %d at least", len(got), len(want))
	}
	ids := map[string]bool{}
	for i, m := range got[len(got)-len(want):] {
		w := want[i]
		if role := m.Get("role").Str; role != w.role {
			t.Errorf("message %d of the last %d has role %s, want %s: %.300s", i, len(want), role, w.role, m.Raw)
			continue
		}
		if text := content(m); !fits(text, w.content) {
			t.Errorf("%s message %d of the last %d says %.800q, want %q", w.role, i, len(want), text, w.content)
		}
		if text := m.Get("reasoning").Str; text != w.reasoning {
			t.Errorf("%s message %d of the last %d was thought %q, want %q", w.role, i, len(want), text, w.reasoning)
		}
		calls := m.Get("tool_calls").Array()
		if len(calls) != len(w.calls) {
			t.Errorf("%s message %d of the last %d has %d calls, want %d: %.500s", w.role, i, len(want), len(calls), len(w.calls), m.Raw)
			continue
		}
		for j, c := range calls {
			name, arguments, _ := strings.Cut(w.calls[j], " ")
			if c.Get("function.name").Str != name || !sameJSON(c.Get("function.arguments").Str, arguments) {
				t.Errorf("call %d is %s, want %s", j, c.Raw, w.calls[j])
			}
			ids[c.Get("id").Str] = true
		}
		if id := m.Get("tool_call_id").Str; w.role == "tool" && !ids[id] {
			t.Errorf("tool message %d of the last %d answers %q, which wasn't asked just before", i, len(want), id)
		}
	}
}

func content(m gjson.Result) string {
	c := m.Get("content")
	if !c.IsArray() {
		return c.Str
	}
	var texts []string
	for _, part := range c.Array() {
		texts = append(texts, part.Get("text").Str)
	}
	return strings.Join(texts, "\n")
}

func fits(text, want string) bool {
	if start, ok := strings.CutSuffix(want, "…"); ok {
		return strings.HasPrefix(text, start)
	}
	if end, ok := strings.CutPrefix(want, "…"); ok {
		return strings.HasSuffix(text, end)
	}
	return text == want
}

// sameJSON compares two JSON texts: what they say, numbers to the last digit.
func sameJSON(a, b string) bool {
	var values [2]any
	for i, text := range []string{a, b} {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if d.Decode(&values[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}

// usage is what the model's answers cost in all, from the last event of each stream that tells it.
func usage(t *testing.T, requests []*Exchange) (prompt, answer int64) {
	t.Helper()
	for i, e := range requests {
		found := false
		for line := range strings.Lines(string(e.Response)) {
			data, ok := strings.CutPrefix(line, "data: ")
			if u := gjson.Get(data, "usage"); ok && u.IsObject() && gjson.Get(data, "choices.#").Int() == 0 {
				prompt += u.Get("prompt_tokens").Int()
				answer += u.Get("completion_tokens").Int()
				found = true
			}
		}
		if !found {
			t.Errorf("request %d wasn't told its usage", i+1)
		}
	}
	return prompt, answer
}
