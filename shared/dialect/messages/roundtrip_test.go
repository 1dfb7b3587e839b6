package messages

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// turns makes assistant turns of thinking, text and calls, in that order.
type turns struct{ *rand.Rand }

var syllables = []string{"read", " the", "\n", "\n\n", "\t", "\"", "\\", "/", "é", "😀", "<a>&", "\u2028", "{}", "\x00", "\x7f", "  ", "\\u0041", "data: ", "</think>", "%d"}

// text does not begin with white space: what stands between thinking and text is dropped.
func (r turns) text() string {
	b := "T"
	for range r.IntN(12) {
		b += syllables[r.IntN(len(syllables))]
	}
	return b
}

func (r turns) value(depth int) string {
	switch n := r.IntN(9); {
	case n == 0 && depth > 0:
		var list []string
		for range r.IntN(4) {
			list = append(list, r.value(depth-1))
		}
		return "[" + strings.Join(list, ", ") + "]"
	case n <= 2 && depth > 0:
		return r.object(depth - 1)
	case n == 3:
		return []string{"12345678901234567890", "-0.10", "1e400", "9007199254740993"}[r.IntN(4)]
	case n == 4:
		return []string{"true", "false", "null"}[r.IntN(3)]
	}
	return quoted(r.text())
}

func (r turns) object(depth int) string {
	var members []string
	for i := range r.IntN(4) {
		members = append(members, quoted(fmt.Sprint(r.text(), i))+":"+r.value(depth))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func quoted(s string) string { return string(jsonedit.AppendQuoted(nil, s)) }

// content is a turn's blocks as a client has them, and the ids of its calls.
func (r turns) content() (blocks []string, ids []string) {
	which := 1 + r.IntN(7)
	if which&1 != 0 {
		blocks = append(blocks, `{"type":"thinking","thinking":`+quoted(r.text())+`,"signature":"cXdlbnZveS90aGlua2luZy8x"}`)
	}
	if which&2 != 0 {
		blocks = append(blocks, `{"type":"text","text":`+quoted(r.text())+`,"citations":null}`)
	}
	if which&4 != 0 {
		for i := range 1 + r.IntN(3) {
			id := []string{"toolu_", "chatcmpl-tool-", "call_"}[r.IntN(3)] + fmt.Sprintf("%d_%d", r.Uint64(), i)
			ids = append(ids, id)
			blocks = append(blocks, `{"type":"tool_use","id":"`+id+`","name":"`+[]string{"Bash", "mcp__a-b__c_d", "x"}[r.IntN(3)]+`","input":`+r.object(3)+`}`)
		}
	}
	return blocks, ids
}

// chatTurn is the upstream's message for an assistant turn in a client's history.
func chatTurn(t *testing.T, blocks, ids []string) string {
	t.Helper()
	next := `{"role":"user","content":"Go on."}`
	if len(ids) > 0 {
		var results []string
		for i := len(ids) - 1; i >= 0; i-- { // in any order
			results = append(results, `{"type":"tool_result","tool_use_id":"`+ids[i]+`","content":"done"}`)
		}
		next = `{"role":"user","content":[` + strings.Join(results, ",") + `]}`
	}
	out := translate(t, newTurn(t, ""), chat(`{"role":"user","content":"Hello"},{"role":"assistant","content":[`+strings.Join(blocks, ",")+`]},`+next, ""))
	message := gjson.Get(out, `messages.#(role=="assistant")`)
	if !message.Exists() {
		t.Fatalf("no assistant turn in %s", out)
	}
	for i, id := range ids {
		if got := gjson.Get(out, `messages.#(role=="tool")#`).Array()[i].Get("tool_call_id").String(); got != id {
			t.Errorf("result %d is of %s, want %s", i, got, id)
		}
	}
	return message.Raw
}

// What a client has of an assistant turn goes up in its history as the message of the
// upstream that gives the client the same turn again.
func TestTurnsGoUpAsTheyCameDown(t *testing.T) {
	r := turns{rand.New(rand.NewPCG(7, 11))}
	for range 500 {
		blocks, ids := r.content()
		want := "[" + strings.Join(blocks, ",") + "]"
		message := chatTurn(t, blocks, ids)
		finish := "stop"
		if len(ids) > 0 {
			finish = "tool_calls"
		}

		out, p := Create.Reply(nil, []byte(chatReply(message, `"`+finish+`"`)), replyTurn(newRequest()))
		if p != nil {
			t.Fatalf("%+v", p)
		}
		if got := gjson.GetBytes(out, "content").Raw; !sameBlocks(t, got, want) {
			t.Fatalf("%s\nwent up as\n%s\nand came back as\n%s", want, message, got)
		}

		out, _ = play(replyTurn(newRequest()), r.stream(message, finish))
		whole, _ := assemble(t, out)
		got, err := json.Marshal(whole["content"])
		if err != nil {
			t.Fatal(err)
		}
		if want = strings.ReplaceAll(want, `,"citations":null`, ""); !sameBlocks(t, string(got), want) {
			t.Fatalf("%s\nwas streamed as\n%s", want, out)
		}
		if s := lastEvent(t, string(out)); s != "message_stop" {
			t.Fatalf("%s", out)
		}
	}
}

// sameBlocks compares what two lists of blocks say.
func sameBlocks(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := decode(a)
	if err != nil {
		t.Fatalf("%s: %v", a, err)
	}
	y, err := decode(b)
	if err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return reflect.DeepEqual(x, y)
}

// stream cuts a message into the chunks of a stream, its texts between characters.
func (r turns) stream(message, finish string) string {
	var b strings.Builder
	pieces := func(text string) (all []string) {
		runes := []rune(text)
		for len(runes) > 0 {
			n := 1 + r.IntN(len(runes))
			all = append(all, quoted(string(runes[:n])))
			runes = runes[n:]
		}
		return all
	}
	m := gjson.Parse(message)
	for _, field := range []string{"reasoning", "content"} {
		for _, p := range pieces(m.Get(field).String()) {
			b.WriteString(chunk(`{"`+field+`":`+p+`}`, ""))
		}
	}
	for i, c := range m.Get("tool_calls").Array() {
		b.WriteString(chunk(call(i, c.Get("id").String(), c.Get("function.name").String(), `""`), ""))
		for _, p := range pieces(c.Get("function.arguments").String()) {
			b.WriteString(chunk(fmt.Sprintf(`{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}`, i, p), ""))
		}
	}
	return b.String() + chunk(`{}`, finish) + usage + done
}
