package responses

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A warm-up brings what later requests go on from. No model is asked, so there need be
// no user's message in it.
func TestAWarmUpIsAnsweredWithoutAModel(t *testing.T) {
	const body = `{"model":"think","generate":false,"input":[{"role":"developer","content":"Be short."}],"tools":[{"type":"function","name":"read"}]`
	s := settings(t, "Qwen/X")
	turn := turnOf(s)
	if _, p := Create.Request(nil, []byte(body+`}`), turn); p != nil || turn.Request.Answer == nil {
		t.Fatal(p, turn.Request.Answer)
	}
	object := gjson.ParseBytes(turn.Request.Answer.Body)
	if object.Get("status").String() != "completed" || object.Get("output").Raw != "[]" || object.Get("usage.total_tokens").Raw != "0" ||
		object.Get("tools.0.name").String() != "read" || object.Get("model").String() != "think" || turn.Request.Answer.ContentType != "" {
		t.Errorf("%s", turn.Request.Answer.Body)
	}
	turn = turnOf(s)
	if _, p := Create.Request(nil, []byte(body+`,"stream":true}`), turn); p != nil || turn.Request.Answer == nil {
		t.Fatal(p, turn.Request.Answer)
	}
	var kinds []string
	for line := range strings.Lines(string(turn.Request.Answer.Body)) {
		if kind, ok := strings.CutPrefix(line, "event: "); ok {
			kinds = append(kinds, strings.TrimSpace(kind))
		}
	}
	if got := strings.Join(kinds, " "); got != "response.created response.in_progress response.completed" || !strings.HasPrefix(turn.Request.Answer.ContentType, "text/event-stream") {
		t.Errorf("%s as %s", got, turn.Request.Answer.ContentType)
	}
	turn = turnOf(s)
	if _, p := Create.Request(nil, []byte(`{"model":"think","generate":false,"input":[]}`), turn); p != nil || turn.Request.Answer == nil {
		t.Error(p, turn.Request.Answer)
	}
	for body, param := range map[string]string{
		`{"model":"think","generate":"no","input":"x"}`:                                          "generate",
		`{"model":"none","generate":false,"input":"x"}`:                                          "model",
		`{"model":"think","generate":true,"input":[{"role":"developer","content":"Be short."}]}`: "input",
		`{"model":"think","generate":false}`:                                                     "input",
		`{"model":"think","generate":true,"input":[]}`:                                           "input",
	} {
		turn := turnOf(s)
		if _, p := Create.Request(nil, []byte(body), turn); p == nil || p.Param != param || turn.Request.Answer != (*hub.Answer)(nil) {
			t.Errorf("%s: %v", body, p)
		}
	}
}
