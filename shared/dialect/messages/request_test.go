package messages

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// newTurn is a turn with the given configuration added to a plain one, and random
// numbers that count up.
func newTurn(t testing.TB, settings string) *hub.Turn {
	t.Helper()
	c, err := config.Decode([]byte(`{"upstreams":[{"model":"Qwen/Qwen3.5"}]` + settings + `}`))
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	return &hub.Turn{
		Settings: &hub.Settings{Catalog: cat, RejectTools: c.UnsupportedTools == "reject",
			Messages: hub.MessagesSettings{ForwardUser: c.Messages.ForwardUser, KeepBilling: c.Messages.KeepBillingHeader}},
		Random: func() uint64 { n++; return n * 0x9E3779B97F4A7C15 },
		Window: func() int { return 32768 },
	}
}

// translate turns a request and fails the test where it is refused.
func translate(t testing.TB, turn *hub.Turn, body string) string {
	t.Helper()
	out, p := Create.Request(nil, []byte(body), turn)
	if p != nil {
		t.Fatalf("refused: %d %s", p.Status, p.Message)
	}
	if turn.Answer == nil && !json.Valid(out) {
		t.Fatalf("not JSON: %s", out)
	}
	return string(out)
}

// refused turns a request that must be refused with status 400.
func refused(t testing.TB, turn *hub.Turn, body string) string {
	t.Helper()
	out, p := Create.Request(nil, []byte(body), turn)
	if p == nil {
		t.Fatalf("accepted as %s", out)
	}
	if p.Status != 400 {
		t.Errorf("status %d: %s", p.Status, p.Message)
	}
	return p.Message
}

const model = `"model":"qwen3.5-thinking-coding"`

func TestDebug(t *testing.T) {
	files, _ := filepath.Glob("/work/wt/agents/e2e/agents/testdata/claude-code*.json")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		turn := newTurn(t, "")
		out := translate(t, turn, string(b))
		t.Log(filepath.Base(f), len(b), len(out), turn.Changes.Names(), turn.Answer != nil)
		if bytes.Contains([]byte(out), []byte(`"cache_control"`)) {
			t.Error("cache_control")
		}
		s := gjson.Get(out, "messages").String()
		for _, m := range gjson.Parse(s).Array() {
			r := m.Raw
			if len(r) > 300 {
				r = r[:200] + " … " + r[len(r)-100:]
			}
			t.Log("   ", r)
		}
		out2 := out[:strings.Index(out, `"messages"`)] + out[strings.Index(out, `"tools"`):]
		t.Log(out2[:min(600, len(out2))], "....", out2[max(0, len(out2)-300):])
	}
}
