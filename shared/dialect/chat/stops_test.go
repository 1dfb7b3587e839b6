package chat

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

func words(stops []string) (list [][]byte) {
	for _, stop := range stops {
		list = append(list, []byte(stop))
	}
	return list
}

// A stopCase is an answer of several choices, each of a few tokens, and the stop strings that end it.
type stopCase struct {
	said   [][]string // tokens, as insides of literals, by choice
	stops  []string
	keep   bool
	min    int
	field  string
	tokens bool // with logprobs
}

func (c *stopCase) String() string {
	return fmt.Sprintf("%q at %q keep %v min %d in %s", c.said, c.stops, c.keep, c.min, c.field)
}

func unquote(t *testing.T, inside string) (text string) {
	t.Helper()
	if err := json.Unmarshal([]byte(`"`+inside+`"`), &text); err != nil {
		t.Fatal(err)
	}
	return text
}

// want is where the stop string that ends first, and not in the first min tokens, ends a choice's text.
func (c *stopCase) want(t *testing.T, choice int) (text, finish, word string) {
	all, early := "", 0
	for i, token := range c.said[choice] {
		if all += unquote(t, token); i < c.min {
			early = len(all)
		}
	}
	for end := early + 1; end <= len(all); end++ {
		for _, stop := range c.stops {
			if strings.HasSuffix(all[:end], stop) && len(stop) > len(word) {
				word = stop
			}
		}
		if word != "" && c.keep {
			return all[:end], "stop", word
		} else if word != "" {
			return all[:end-len(word)], "stop", word
		}
	}
	return all, "length", ""
}

func (c *stopCase) turn(t *testing.T) *hub.Turn {
	turn := newTurn(t, map[string]string{"content": "qwen3.5-thinking-general", "reasoning": "qwen3.5-instruct-general"}[c.field], hub.BothFields)
	turn.Request.Stops, turn.Request.KeepStop, turn.Request.MinTokens, turn.Request.Choices = words(c.stops), c.keep, c.min, len(c.said)
	return turn
}

func (c *stopCase) list(tokens []string) string {
	if !c.tokens {
		return "null"
	}
	var list []string
	for _, token := range tokens {
		list = append(list, `{"token":"`+token+`"}`)
	}
	return `{"content":[` + strings.Join(list, ",") + `]}`
}

// stream plays the choices in turn, in chunks of any number of tokens, and returns what came.
func (c *stopCase) stream(t *testing.T, random *rand.Rand) (out []byte, ended bool) {
	s := Chat.Stream(c.turn(t))
	event := func(data string) {
		if !ended {
			out, ended = s.Event(out, nil, []byte(data), true)
		}
	}
	next := make([]int, len(c.said))
	for left := len(c.said); left > 0; {
		i := random.IntN(len(c.said))
		if next[i] < 0 {
			continue
		}
		from := next[i]
		if next[i] = min(from+random.IntN(3), len(c.said[i])); c.min > 0 {
			next[i] = min(from+1, len(c.said[i])) // by tokens, the chunks' counts tell nothing of those between
		}
		finish, tokens := "null", c.said[i][from:next[i]]
		if from == len(c.said[i]) {
			finish = `"length"`
			next[i] = -1
			left--
		}
		event(fmt.Sprintf(`{"id":"1","model":"Qwen/X","choices":[{"index":%d,"delta":{"%s":"%s"},"logprobs":%s,"finish_reason":%s,"stop_reason":null}],"usage":{"prompt_tokens":7,"completion_tokens":%d}}`,
			i, c.field, strings.Join(tokens, ""), c.list(tokens), finish, from+len(tokens)))
	}
	event("[DONE]")
	return out, ended
}

// However texts are cut into chunks, and whichever choice comes first, stop strings end each at the
// same place, with its tokens, in a stream and in one piece, with thinking on and off.
func TestStopsMeanTheSameForAnyChunks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	letters := []string{"a", "b", `\n`, `\"`, "é"}
	for range 4000 {
		c := stopCase{stops: []string{"ab", "b\n\"", "éa", "\"é\"", "babab"}[:random.IntN(5)+1], keep: random.IntN(3) == 0, tokens: random.IntN(2) == 0,
			field: []string{"content", "reasoning"}[random.IntN(2)]}
		for range random.IntN(3) + 1 {
			tokens := []string{"x"} // white space at the front is another matter
			for range random.IntN(12) {
				token := ""
				for range random.IntN(2) + 1 {
					token += letters[random.IntN(len(letters))]
				}
				tokens = append(tokens, token)
			}
			c.said = append(c.said, tokens)
		}
		if random.IntN(3) == 0 {
			c.min = random.IntN(6)
		}
		out, ended := c.stream(t, random)
		if !ended {
			t.Fatalf("%v: not ended: %s", &c, out)
		}
		checkStream(t, out)
		cut := false
		for i := range c.said {
			text, finish, word, tokens := "", "", "", ""
			for line := range strings.Lines(string(out)) {
				data, _ := strings.CutPrefix(strings.TrimSpace(line), "data: ")
				if choice := gjson.Get(data, "choices.0"); choice.Exists() && choice.Get("index").Int() == int64(i) {
					if finish != "" {
						t.Fatalf("%v: choice %d goes on behind its end: %s", &c, i, out)
					}
					text += choice.Get("delta.content").String()
					finish += choice.Get("finish_reason").String()
					word += choice.Get("stop_reason").String()
					for _, token := range choice.Get("logprobs.content.#.token").Array() {
						tokens += token.String()
					}
				}
			}
			wantText, wantFinish, wantWord := c.want(t, i)
			if text != wantText || finish != wantFinish || word != wantWord {
				t.Fatalf("%v: choice %d is %q %s %q, want %q %s %q: %s", &c, i, text, finish, word, wantText, wantFinish, wantWord, out)
			}
			c.checkTokens(t, i, text, tokens, out)
			cut = cut || word != ""
		}
		if cut == strings.Contains(string(out), `"choices":[]`) && cut { // asked for on the gateway's account
			t.Fatalf("%v: the client sees the count: %s", &c, out)
		}
		c.whole(t)
	}
}

// checkTokens wants the tokens that begin in the text.
func (c *stopCase) checkTokens(t *testing.T, choice int, text, tokens string, out []byte) {
	t.Helper()
	want := ""
	for _, token := range c.said[choice] {
		if len(want) < len(text) && c.tokens {
			want += unquote(t, token)
		}
	}
	if tokens != want {
		t.Fatalf("%v: choice %d has the tokens %q, want %q: %s", c, choice, tokens, want, out)
	}
}

func (c *stopCase) whole(t *testing.T) {
	var choices []string
	for i, said := range c.said {
		choices = append(choices, fmt.Sprintf(`{"index":%d,"message":{"role":"assistant","%s":"%s"},"logprobs":%s,"finish_reason":"length"}`, i, c.field, strings.Join(said, ""), c.list(said)))
	}
	out, p := Chat.Reply(nil, []byte(`{"choices":[`+strings.Join(choices, ",")+`],"usage":{"completion_tokens":100}}`), c.turn(t))
	if p != nil || !json.Valid(out) {
		t.Fatalf("%+v %s", p, out)
	}
	late := *c
	late.min = 0
	for i := range c.said {
		choice := gjson.GetBytes(out, fmt.Sprintf("choices.%d", i))
		text, tokens := choice.Get("message.content").String(), ""
		for _, token := range choice.Get("logprobs.content.#.token").Array() {
			tokens += token.String()
		}
		wantText, wantFinish, wantWord := late.want(t, i)
		if finish, word := choice.Get("finish_reason").String(), choice.Get("stop_reason").String(); text != wantText || finish != wantFinish || word != wantWord {
			t.Fatalf("%v: choice %d in one piece is %q %s %q, want %q %s %q", c, i, text, finish, word, wantText, wantFinish, wantWord)
		}
		c.checkTokens(t, i, text, tokens, out)
	}
}
