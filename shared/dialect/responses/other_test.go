package responses

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// said wraps an item so that there is a user's message before it.
func said(item string) string {
	return `{"model":"think","input":[{"role":"user","content":"Hi"},` + item + `]}`
}

func TestWhatIsReadableOfAnItemIsAMessage(t *testing.T) {
	fernet := "gAAAAABo" + strings.Repeat("Ab0-_", 20) + "=="
	turn := &hub.Turn{Settings: &hub.Settings{}}
	sealed, _ := appendSealed(nil, reasoningBlob, []byte(`Our \"own\"`), turn)
	const none = `(This part of the message is encrypted and can't be read here.)`
	tests := []struct{ name, item, role, text, dropped string }{
		{"an agent's", `{"type":"agent_message","author":"/root","recipient":"/root/a","content":[{"type":"input_text","text":"Task:\n"},{"type":"input_text","text":"look"}]}`, "user", "Task:\nlook", ""},
		{"an agent's as text", `{"type":"agent_message","content":"look"}`, "user", "look", ""},
		{"called encrypted, and plain", `{"type":"agent_message","content":[{"type":"input_text","text":"Task: "},{"type":"encrypted_content","encrypted_content":"look at \"a\""}]}`, "user", `Task: look at "a"`, ""},
		{"called encrypted by another name", `{"type":"agent_message","content":[{"type":"encrypted_text","text":"look"}]}`, "user", "look", ""},
		{"one plain word", `{"type":"agent_message","content":[{"type":"encrypted_content","encrypted_content":"gAAAA"}]}`, "user", "gAAAA", ""},
		{"our seal", `{"type":"agent_message","content":[{"type":"encrypted_content","encrypted_content":"` + string(sealed) + `"}]}`, "user", `Our "own"`, ""},
		{"our seal, damaged", `{"type":"agent_message","content":[{"type":"encrypted_content","encrypted_content":"qwv1s.AAAA"}]}`, "user", none, ""},
		{"another's seal", `{"type":"agent_message","content":[{"type":"input_text","text":"Task: "},{"type":"encrypted_content","encrypted_content":"` + fernet + `"}]}`, "user", "Task: " + none, ""},
		{"long base64 of our model", `{"type":"agent_message","content":[{"type":"encrypted_content","encrypted_content":"` + strings.Repeat("Zm9v", 80) + `"}]}`, "user", strings.Repeat("Zm9v", 80), ""},
		{"a part that nobody knows, with a text", `{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"sticky_note","text":"b"}]}`, "user", `[{"type":"text","text":"a"},{"type":"text","text":"b"}]`, ""},
		{"one without", `{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"sticker","id":1},{"type":"acme:note","text":"b"}]}`, "user", `[{"type":"text","text":"a"}]`, "sticker acme:note"},
		{"nothing but those", `{"role":"user","content":[{"type":"sticker","text":""},{"type":"sticker"}]}`, "user", "", "sticker"},
		{"one before an image", `{"role":"user","content":[{"type":"sticker"},{"type":"input_image","image_url":"data:x"}]}`, "user", `[{"type":"image_url","image_url":{"url":"data:x"}}]`, "sticker"},
		{"of the assistant", `{"role":"assistant","content":[{"type":"output_text","text":"a"},{"type":"output_audio","data":"x"},{"type":"aside","text":"b"}]}`, "assistant", "ab", "output_audio"},
		{"of the developer", `{"role":"developer","content":[{"type":"rule","text":"a"},{"type":"sticker"}]}`, "system", "a", "sticker"},
		{"an agent's without text", `{"type":"agent_message","content":[{"type":"input_text","text":" \n"}]}`, "", "", "agent_message"},
		{"nobody's, parts", `{"type":"note","content":[{"type":"sticker","id":1},{"type":"note_text","text":"look"}]}`, "user", "look", ""},
		{"nobody's, text", `{"type":"note","text":"look"}`, "user", "look", ""},
		{"nobody's, summary", `{"type":"note","content":null,"summary":[{"type":"summary_text","text":"look"}]}`, "user", "look", ""},
		{"nobody's, output", `{"type":"note_output","call_id":"x","output":"look"}`, "user", "look", ""},
		{"nobody's of the assistant", `{"type":"note","role":"assistant","content":"look"}`, "assistant", "look", ""},
		{"nobody's of the developer", `{"type":"note","role":"developer","content":"look"}`, "system", "look", ""},
		{"nobody's with nothing to read", `{"type":"telemetry, b","id":"x","payload":{"text":"look"},"content":{"text":"look"}}`, "", "", "telemetry__b"},
		{"another provider's", `{"type":"acme:thing","content":"look"}`, "", "", "acme:thing"},
		{"a mark of a compaction", `{"type":"context_compaction"}`, "", "", "context_compaction"},
		{"in a message", `{"role":"user","content":[{"type":"encrypted_content","encrypted_content":"look"}]}`, "user", "look", ""},
	}
	s := settings(t, "Qwen/X")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, d := range []Dialect{Create, InputTokens} {
				got, turn := ask(t, s, d, said(test.item))
				var role, text string
				for _, m := range gjson.Get(got, "messages").Array() {
					if m.Get("content").String() != "Hi" {
						role, text = m.Get("role").String(), m.Get("content").String()
					}
				}
				if role != test.role || text != test.text {
					t.Errorf("%s", got)
				}
				if names := turn.Request.DroppedItems.Join(" "); names != test.dropped {
					t.Errorf("dropped: %q", names)
				}
				if named := len(turn.Request.ReplyHeader) > 0; named != (test.dropped != "") || named && turn.Request.ReplyHeader[0][0] != hub.DroppedItemsHeader {
					t.Errorf("header: %v", turn.Request.ReplyHeader)
				}
			}
			if orphan, p := CheckItems([]byte("["+test.item+"]"), "items"); orphan != nil || p != nil {
				t.Errorf("as an item of a conversation: %+v %+v", orphan, p)
			}
		})
	}
	// In a tool's output.
	got, _ := ask(t, s, Create, said(`{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":[{"type":"encrypted_content","encrypted_content":"look"}]}`))
	if text := gjson.Get(got, "messages.2.content").String(); text != "look" {
		t.Errorf("%s", got)
	}
}

// A seal of others is known by what its format has in front; anything else is what our model wrote.
func TestForeignSeals(t *testing.T) {
	random := func(n int, seed byte) []byte {
		b := make([]byte, n)
		for i, x := 0, uint32(seed)+1; i < n; i++ {
			x = x*1664525 + 1013904223
			b[i] = byte(x >> 24)
		}
		return b
	}
	fernet := func(seconds uint64, blocks int) []byte {
		return append(binary.BigEndian.AppendUint64([]byte{0x80}, seconds), random(16+16*blocks+32, byte(blocks))...)
	}
	jose := func(head string, parts ...int) string {
		token := base64.RawURLEncoding.EncodeToString([]byte(head))
		for i, n := range parts {
			token += "." + base64.RawURLEncoding.EncodeToString(random(n, byte(i)))
		}
		return token
	}
	url, std, raw := base64.URLEncoding.EncodeToString, base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString
	for text, want := range map[string]bool{
		url(fernet(1_764_500_000, 1)):                                true,
		url(fernet(1_764_500_000, 2)):                                true,
		raw(fernet(1_900_000_000, 100)):                              true,
		std(fernet(4_000_000_000, 3)):                                true,
		url(fernet(0, 1)):                                            true,
		jose(`{"alg":"dir","enc":"A256GCM"}`, 0, 12, 300, 16):        true,
		jose(`{"enc":"A128CBC-HS256","alg":"RSA"}`, 256, 16, 80, 16): true,

		url(fernet(1_764_500_000, 1))[:80]:                          false, // cut
		url(fernet(1<<40, 4)):                                       false, // no time
		"gAAAAABo":                                                  false,
		"gAAAAABo" + strings.Repeat(" token", 30):                   false,
		"gAAAAABo" + strings.Repeat(".token", 30):                   false,
		jose(`{"alg":"HS256","typ":"JWT"}`, 120, 32):                false, // signed: it can be read
		jose(`{"alg":"HS256"}`, 5, 5, 5, 5):                         false,
		jose(`not JSON with "enc"`, 5, 5, 5, 5):                     false,
		"www.en.wikipedia.org.example":                              false,
		"a.b.c.d.e":                                                 false,
		std([]byte(strings.Repeat("A text. ", 200))):                false,
		std(random(4096, 7)):                                        false, // a file
		std(append([]byte{0x80}, random(300, 9)...)):                false,
		std(append([]byte("\x89PNG\r\n\x1a\n"), random(900, 1)...)): false,
		hex.EncodeToString(random(2048, 3)):                         false,
		strings.Repeat("0123456789abcdef", 64):                      false,
		strings.Repeat("A", 5000):                                   false,
		strings.Repeat("Donaudampfschiff", 40):                      false,
		"EqQBCkYIBRgCKkBVZ" + std(random(300, 5)):                   false, // a signature says nothing, and is no seal
		"": false,
	} {
		if got := isForeignSeal([]byte(text)); got != want {
			t.Errorf("%.60q (%d): %t", text, len(text), got)
		}
	}
}

func TestUpdatesCountFromThereOn(t *testing.T) {
	update := func(effort string) string {
		return `{"type":"configuration_update","reasoning":{"effort":"` + effort + `"}}`
	}
	form := `{"type":"configuration_update","text":{"format":{"type":"json_object"}}}`
	userItem := `{"role":"user","content":"Hi"}`
	tests := []struct{ name, earlier, body, thinking, effort, format string }{
		{"off", "", `"input":[` + userItem + `,` + update("none") + `]`, "false", "none", ""},
		{"on again", "", `"reasoning":{"effort":"none"},"input":[` + update("none") + `,` + userItem + `,` + update("high") + `]`, "true", "high", ""},
		{"before the request's own", "", `"reasoning":{"effort":"high","summary":"auto"},"input":[` + update("none") + `,` + userItem + `]`, "false", "none", ""},
		{"one that says nothing", "", `"reasoning":{"effort":"none"},"input":[` + userItem + `,{"type":"configuration_update","reasoning":{}},{"type":"configuration_update","reasoning":null,"text":null}]`, "false", "none", ""},
		{"the form", "", `"input":[` + userItem + `,` + form + `]`, "true", "", `{"type":"json_object"}`},
		{"each of its own", "", `"input":[` + form + `,` + userItem + `,` + update("none") + `]`, "false", "none", `{"type":"json_object"}`},
		{"the form taken back", "", `"input":[` + form + `,` + userItem + `,{"type":"configuration_update","text":{"format":{"type":"text"}}}]`, "true", "", ""},
		{"earlier", update("none"), `"previous_response_id":"resp_1","input":[` + userItem + `]`, "false", "none", ""},
		{"earlier in a conversation", update("none") + "," + form, `"conversation":"conv_1","input":"Hi"`, "false", "none", `{"type":"json_object"}`},
		{"earlier and later", update("none"), `"previous_response_id":"resp_1","input":[` + userItem + `,` + update("low") + `]`, "true", "low", ""},
		{"referred to", "", `"input":[` + userItem + `,{"id":"cfg_1"}]`, "false", "none", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, turn, p := remembering(t, memory{context: test.earlier, items: map[string]string{"cfg_1": update("none")}}, `{"model":"think",`+test.body+`}`)
			if p != nil {
				t.Fatal(p)
			}
			if roles(got) != "u" {
				t.Errorf("an update is no message: %s", got)
			}
			e := gjson.Parse("{" + string(turn.Request.State.(*request).echo) + "}")
			if gjson.Get(got, "chat_template_kwargs.enable_thinking").Raw != test.thinking || e.Get("reasoning.effort").String() != test.effort {
				t.Errorf("%s echo %s", got, e)
			}
			if gjson.Get(got, "response_format").Raw != test.format {
				t.Errorf("%s", got)
			}
		})
	}
	// Stored, with an id of its own; of a conversation, checked before.
	stored := AppendInputItems(nil, []byte(`{"input":[`+update("high")+`]}`), func(dst []byte, prefix string) []byte { return append(append(dst, prefix...), '1') }, nil, nil)
	if string(stored) != `{"id":"cfg_1","type":"configuration_update","reasoning":{"effort":"high"}}` {
		t.Errorf("%s", stored)
	}
	if _, p := CheckItems([]byte(`[`+update("huge")+`]`), "items"); p == nil || p.Param != "items[0].reasoning.effort" || !strings.Contains(p.Message, "'items[0].reasoning.effort'") {
		t.Errorf("%+v", p)
	}
}

func TestCallsOfMarkedToolsSayThatTheyArePlain(t *testing.T) {
	marked := `{"type":"function","name":"spawn","parameters":{"type":"object","properties":{"message":{"type":"string","encrypted":true}}}}`
	plain := `{"type":"function","name":"look","parameters":{"type":"object","properties":{"encrypted":{"type":"boolean"},"b":{"encrypted":false}}}}`
	for _, body := range []string{
		`{"model":"think","input":"Hi","tools":[` + marked + `,` + plain + `]}`,
		`{"model":"think","input":[{"type":"additional_tools","tools":[` + plain + `,` + marked + `]},{"role":"user","content":"Hi"}]}`,
	} {
		_, turn := ask(t, settings(t, "Qwen/X"), Create, body)
		for name, want := range map[string]string{"spawn": `[]`, "look": ``} {
			turn.Reply, turn.Edge.Random = hub.ReplyFacts{}, counter()
			out, p := Create.Reply(nil, []byte(`{"choices":[{"message":{"tool_calls":[{"id":"c","function":{"name":"`+name+`","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`), turn)
			if p != nil || gjson.GetBytes(out, "output.0.encrypted_function_args").Raw != want || gjson.GetBytes(out, "output.0.name").String() != name {
				t.Errorf("%s %+v", out, p)
			}
			stream := string(play(turn, `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"d","function":{"name":"`+name+`","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`+"\n\ndata: [DONE]\n\n"))
			if n := strings.Count(stream, `"encrypted_function_args":[]`); n != map[string]int{"spawn": 3, "look": 0}[name] {
				t.Errorf("%d times in %s", n, stream)
			}
		}
	}
}
