package simulator

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
)

// tokenize serves both of vLLM's forms: a prompt, or messages as in chat.
func (s *server) tokenize(w http.ResponseWriter, r *http.Request) {
	f, ok := readFields(w, r)
	if !ok {
		return
	}
	ids, e := s.tokensOf(f)
	if e != nil {
		writeError(w, e)
		return
	}
	reply := struct {
		Count       int      `json:"count"`
		MaxModelLen int      `json:"max_model_len"`
		Tokens      []int    `json:"tokens"`
		TokenStrs   []string `json:"token_strs"`
	}{len(ids), s.o.MaxModelLen, ids, nil}
	if reply.Tokens == nil {
		reply.Tokens = []int{}
	}
	if f.flag("return_token_strs", false) {
		reply.TokenStrs = []string{}
		for _, id := range ids {
			reply.TokenStrs = append(reply.TokenStrs, visibleBytes(vocabulary().tokens[id]))
		}
	}
	faultsOf(r).send(w, r, http.StatusOK, encode(reply))
}

func (s *server) tokensOf(f fields) ([]int, *apiError) {
	_, prompt := f["prompt"]
	_, messages := f["messages"]
	if !prompt && !messages {
		size := fmt.Sprintf("<dict of %d items>", len(f))
		return nil, invalid(
			fault{"missing", "body.prompt", "Field required", size, ""},
			fault{"missing", "body.messages", "Field required", size, ""})
	}
	types := []string{
		"model:string", "prompt:string", "add_generation_prompt:bool", "return_token_strs:bool",
		"continue_final_message:bool", "add_special_tokens:bool", "chat_template:string",
		"chat_template_kwargs:dict", "tools:list",
	}
	faults := f.checkTypes(types...)
	if messages {
		faults = append(f.checkMessages(), append(faults, f.checkTools()...)...)
	} else if kindOf(f["prompt"]) == 'n' {
		faults = append(faults, fault{"string_type", "body.prompt", "Input should be a valid string", "None", ""})
	}
	if len(faults) > 0 {
		return nil, invalid(faults...)
	}
	if e := s.checkModel(f); e != nil {
		return nil, e
	}
	if !messages {
		return vocabulary().encode(f.text("prompt")), nil
	}
	c, e := s.conversation(f)
	if e != nil {
		return nil, e
	}
	text, e := c.render()
	if e != nil {
		return nil, e
	}
	return vocabulary().encode(text), nil
}

// visibleBytes writes a token as byte-level BPE vocabularies do: bytes that
// are no visible Latin-1 letter move to U+0100 and up, a space becomes Ġ.
func visibleBytes(s string) string {
	for _, special := range specials {
		if s == special {
			return s
		}
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(byteRunes[s[i]])
	}
	return b.String()
}

var byteRunes = func() (t [256]rune) {
	moved := rune(0)
	for i := range 256 {
		if i >= '!' && i <= '~' || i >= 0xA1 && i <= 0xAC || i >= 0xAE {
			t[i] = rune(i)
			continue
		}
		t[i] = 256 + moved
		moved++
	}
	return t
}()

// detokenize leaves out ids that stand for nothing, as vLLM does.
func (s *server) detokenize(w http.ResponseWriter, r *http.Request) {
	f, ok := readFields(w, r)
	if !ok {
		return
	}
	faults := f.checkTypes("model:string", "tokens:list")
	if !f.has("tokens") {
		faults = append(faults, fault{"missing", "body.tokens", "Field required", fmt.Sprintf("<dict of %d items>", len(f)), ""})
	}
	ids, bad := tokenIDs("body.tokens", f["tokens"])
	if faults = append(faults, bad...); len(faults) > 0 {
		writeError(w, invalid(faults...))
		return
	}
	if e := s.checkModel(f); e != nil {
		writeError(w, e)
		return
	}
	faultsOf(r).send(w, r, http.StatusOK, encode(struct {
		Prompt string `json:"prompt"`
	}{strings.ToValidUTF8(vocabulary().decode(ids), "\uFFFD")}))
}

// tokenIDs reads a list of ids and leaves out those beyond the vocabulary.
func tokenIDs(at string, v json.RawMessage) (ids []int, faults []fault) {
	for i, raw := range list(v) {
		n, ok := number(raw)
		if !ok || n != math.Trunc(n) {
			faults = append(faults, fault{"int_type", fmt.Sprintf("%s.%d", at, i), "Input should be a valid integer", shown(raw), ""})
			continue
		}
		if n < 0 {
			faults = append(faults, fault{"greater_than_equal", fmt.Sprintf("%s.%d", at, i),
				"Input should be greater than or equal to 0", shown(raw), "{'ge': 0}"})
			continue
		}
		if int(n) < len(vocabulary().tokens) {
			ids = append(ids, int(n))
		}
	}
	return ids, faults
}
