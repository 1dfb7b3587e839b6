package simulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

var completionTypes = []string{
	"model:string", "echo:bool", "frequency_penalty:float", "logit_bias:dict", "logprobs:int", "max_tokens:int", "n:int",
	"presence_penalty:float", "seed:int", "stream:bool", "stream_options:dict", "suffix:string", "temperature:float",
	"top_p:float", "user:string", "top_k:int", "min_p:float", "repetition_penalty:float", "stop_token_ids:list",
	"include_stop_str_in_output:bool", "ignore_eos:bool", "min_tokens:int", "skip_special_tokens:bool", "return_token_ids:bool",
}

// completionTokens is max_tokens where a completions request has none.
const completionTokens = 16

type textLogprobs struct {
	TextOffset    []int                `json:"text_offset"`
	TokenLogprobs []*float64           `json:"token_logprobs"`
	Tokens        []string             `json:"tokens"`
	TopLogprobs   []map[string]float64 `json:"top_logprobs"`
}

type textChoice struct {
	Index          int           `json:"index"`
	Text           string        `json:"text"`
	Logprobs       *textLogprobs `json:"logprobs"`
	FinishReason   string        `json:"finish_reason"`
	StopReason     *string       `json:"stop_reason"`
	TokenIDs       []int         `json:"token_ids"`
	PromptLogprobs *string       `json:"prompt_logprobs"`
	PromptTokenIDs []int         `json:"prompt_token_ids"`
	RoutedExperts  *string       `json:"routed_experts"`

	WeightVersions json.RawMessage `json:"weight_versions,omitempty"`
}

type textUsage struct {
	PromptTokens     int             `json:"prompt_tokens"`
	TotalTokens      int             `json:"total_tokens"`
	CompletionTokens int             `json:"completion_tokens"`
	Prompt           json.RawMessage `json:"prompt_tokens_details,omitempty"`
	Completion       json.RawMessage `json:"completion_tokens_details,omitempty"`
}

type textReply struct {
	ID                string       `json:"id"`
	Object            string       `json:"object"`
	Created           int64        `json:"created"`
	Model             string       `json:"model"`
	Choices           []textChoice `json:"choices"`
	ServiceTier       *string      `json:"service_tier"`
	SystemFingerprint string       `json:"system_fingerprint"`
	Usage             textUsage    `json:"usage"`
	KVTransfer        *string      `json:"kv_transfer_params"`
	ECTransfer        *string      `json:"ec_transfer_params"`
	Metrics           *string      `json:"metrics"`
}

type textDelta struct {
	Index          int           `json:"index"`
	Text           string        `json:"text"`
	Logprobs       *textLogprobs `json:"logprobs"`
	FinishReason   *string       `json:"finish_reason"`
	StopReason     *string       `json:"stop_reason"`
	PromptTokenIDs []int         `json:"prompt_token_ids"`
	TokenIDs       []int         `json:"token_ids"`

	WeightVersions json.RawMessage `json:"weight_versions,omitempty"`
}

type textChunk struct {
	ID                string      `json:"id"`
	Object            string      `json:"object"`
	Created           int64       `json:"created"`
	Model             string      `json:"model"`
	Choices           []textDelta `json:"choices"`
	Usage             *textUsage  `json:"usage,omitempty"`
	SystemFingerprint string      `json:"system_fingerprint,omitempty"`

	KVTransfer json.RawMessage `json:"kv_transfer_params,omitempty"`
}

// prompts reads the four forms of prompt: a text, texts, ids, lists of ids.
func prompts(v json.RawMessage) (out [][]int, faults []fault) {
	t := vocabulary()
	switch kindOf(v) {
	case '"':
		return append(out, t.encode(text(v))), nil
	case '[':
		l := list(v)
		if len(l) > 0 && kindOf(l[0]) == '0' {
			ids, faults := tokenIDs("body.prompt", v)
			return append(out, ids), faults
		}
		for _, p := range l {
			switch kindOf(p) {
			case '"':
				out = append(out, t.encode(text(p)))
			case '[':
				ids, bad := tokenIDs("body.prompt", p)
				out, faults = append(out, ids), append(faults, bad...)
			default:
				faults = append(faults, fault{"string_type", "body.prompt", "Input should be a valid string", shown(p), ""})
			}
		}
		return out, faults
	}
	return nil, []fault{{"string_type", "body.prompt", "Input should be a valid string", shown(v), ""}}
}

// completion is what the answer to one prompt is.
type completion struct {
	prompt []int
	out    []token
	reason string
	stop   *string
}

// continuation answers the last user message of a prompt in the template's
// markup, and any other prompt as a whole.
func continuation(prompt []int) []token {
	text := vocabulary().decode(prompt)
	thinking := strings.HasSuffix(text, "<think>\n")
	if i := strings.LastIndex(text, "<|im_start|>user\n"); i >= 0 {
		text, _, _ = strings.Cut(text[i+len("<|im_start|>user\n"):], "<|im_end|>")
	}
	tokens := generate(answerTo(&conversation{messages: []message{{role: "user", text: text}}}, wishes{}), thinking)
	held := ""
	for i := range tokens {
		t := &tokens[i]
		t.content, held = wholeCharacters(held + t.raw)
		t.reasoning, t.thought, t.call = "", false, nil
	}
	tokens[len(tokens)-1].content = "" // the end mark
	return tokens
}

func (s *server) completions(w http.ResponseWriter, r *http.Request) {
	f, ok := readFields(w, r)
	if !ok {
		return
	}
	p, answers, e := s.prepareCompletions(f)
	if e != nil {
		writeError(w, e)
		return
	}
	for _, a := range answers {
		s.totals.count(len(a.prompt), len(a.out)*p.n, a.reason)
	}
	id, now := "cmpl-"+s.requestID(r), time.Now().Unix()
	if p.stream {
		s.streamCompletions(s.openEvents(w, r), f, p, answers, id, now)
		return
	}
	reply := textReply{ID: id, Object: "text_completion", Created: now, Model: s.o.ServedModel, SystemFingerprint: s.fingerprint}
	var u textUsage
	for _, a := range answers {
		u.PromptTokens += len(a.prompt)
		for range p.n {
			u.CompletionTokens += len(a.out)
			c := textChoice{Index: len(reply.Choices), FinishReason: a.reason, StopReason: a.stop, WeightVersions: s.newKey()}
			shownTokens := a.out
			if f.flag("echo", false) {
				shownTokens = append(echoed(a.prompt), a.out...)
			}
			for _, t := range shownTokens {
				c.Text += t.content
			}
			if p.logprobs >= 0 {
				c.Logprobs = p.textLogprobs(shownTokens, f.flag("echo", false))
			}
			if p.tokenIDs {
				c.PromptTokenIDs = a.prompt
				for _, t := range a.out {
					c.TokenIDs = append(c.TokenIDs, t.id)
				}
			}
			reply.Choices = append(reply.Choices, c)
		}
	}
	u.TotalTokens = u.PromptTokens + u.CompletionTokens
	u.Prompt, u.Completion = json.RawMessage(`{"cached_tokens":0,"created_cache_tokens":null,"multimodal_tokens":null}`), null
	reply.Usage = u
	faultsOf(r).send(w, r, http.StatusOK, encode(reply))
}

func (s *server) prepareCompletions(f fields) (p sampling, answers []completion, e *apiError) {
	if faults := f.checkTypes(completionTypes...); len(faults) > 0 {
		return p, nil, invalid(faults...)
	}
	if e := f.checkStreamOptions(); e != nil {
		return p, nil, e
	}
	if !f.has("prompt") || kindOf(f["prompt"]) == '"' && f.text("prompt") == "" || kindOf(f["prompt"]) == '[' && len(list(f["prompt"])) == 0 {
		return p, nil, badParameter("prompt", "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)")
	}
	if e := s.checkModel(f); e != nil {
		return p, nil, e
	}
	if f.text("suffix") != "" {
		return p, nil, badParameter("suffix", "suffix is only supported for models with FIM completion rendering")
	}
	all, faults := prompts(f["prompt"])
	if len(faults) > 0 {
		return p, nil, invalid(faults...)
	}
	for _, prompt := range all {
		if e := s.checkWindow(len(prompt)); e != nil {
			return p, nil, e
		}
		if p, e = s.sampling(f, s.o.MaxModelLen-len(prompt)); e != nil {
			return p, nil, e
		}
		if !f.has("max_tokens") {
			p.maxTokens = min(p.maxTokens, completionTokens)
		}
		if n, ok := f.number("logprobs"); ok {
			if e := checkLogprobs(int(n)); e != nil {
				return p, nil, e
			}
			p.logprobs = int(n)
		}
		a := completion{prompt: prompt}
		var stop string
		a.out, a.reason, stop = p.cut(continuation(prompt))
		if stop != "" {
			a.stop = &stop
		}
		answers = append(answers, a)
	}
	return p, answers, nil
}

// echoed are the prompt's own tokens as an answer shows them.
func echoed(prompt []int) (out []token) {
	for _, id := range prompt {
		out = append(out, token{id: id, content: vocabulary().tokens[id]})
	}
	return out
}

// textLogprobs lists made-up likelihoods; the first token of an echoed prompt
// has none.
func (p sampling) textLogprobs(tokens []token, echo bool) *textLogprobs {
	l := &textLogprobs{TextOffset: []int{}, TokenLogprobs: []*float64{}, Tokens: []string{}, TopLogprobs: []map[string]float64{}}
	at := 0
	for i, t := range tokens {
		own := logprobOf(t.id, 0)
		l.TextOffset = append(l.TextOffset, at)
		at += len([]rune(t.content))
		l.Tokens = append(l.Tokens, own.Token)
		if i == 0 && echo {
			l.TokenLogprobs, l.TopLogprobs = append(l.TokenLogprobs, nil), append(l.TopLogprobs, nil)
			continue
		}
		top := map[string]float64{own.Token: own.Logprob}
		for j := 1; j < p.logprobs; j++ {
			other := logprobOf((t.id+j)%len(vocabulary().tokens), j)
			top[other.Token] = other.Logprob
		}
		l.TokenLogprobs, l.TopLogprobs = append(l.TokenLogprobs, &own.Logprob), append(l.TopLogprobs, top)
	}
	return l
}

func (s *server) streamCompletions(e *events, f fields, p sampling, answers []completion, id string, now int64) {
	chunk := func() textChunk {
		return textChunk{ID: id, Object: "text_completion", Created: now, Model: s.o.ServedModel}
	}
	var total textUsage
	longest := 0
	runs := make([][]step, len(answers))
	for i, a := range answers {
		if f.flag("echo", false) {
			prompt := step{content: strings.ToValidUTF8(vocabulary().decode(a.prompt), "\uFFFD")}
			runs[i] = append(runs[i], prompt)
		}
		run := chatRun{sampling: p, out: a.out, reason: a.reason}
		runs[i] = append(runs[i], run.steps()...)
		longest = max(longest, len(runs[i]))
		total.PromptTokens += len(a.prompt)
		total.CompletionTokens += len(a.out) * p.n
	}
	for at := range longest {
		for i, a := range answers {
			if at >= len(runs[i]) {
				continue
			}
			st := runs[i][at]
			for j := range p.n {
				c := chunk()
				d := textDelta{Index: i*p.n + j, Text: strings.ToValidUTF8(st.content, "\uFFFD"), WeightVersions: s.newKey()}
				if p.tokenIDs {
					for _, t := range st.tokens {
						d.TokenIDs = append(d.TokenIDs, t.id)
					}
				}
				if p.logprobs >= 0 {
					d.Logprobs = p.textLogprobs(st.tokens, false)
				}
				if st.last {
					d.FinishReason, d.StopReason = &a.reason, a.stop
					if !p.usage && i == len(answers)-1 && j == p.n-1 {
						c.SystemFingerprint = s.fingerprint
					}
				}
				if p.usageAlways {
					c.Usage = &textUsage{PromptTokens: len(a.prompt), TotalTokens: len(a.prompt) + st.generated, CompletionTokens: st.generated}
				}
				c.Choices, c.KVTransfer = []textDelta{d}, s.newKey()
				if !e.send(encode(c)) {
					return
				}
			}
		}
	}
	if p.usage {
		c := chunk()
		c.Choices = []textDelta{}
		total.TotalTokens = total.PromptTokens + total.CompletionTokens
		total.Prompt = json.RawMessage(`{"cached_tokens":0}`)
		c.Usage, c.SystemFingerprint = &total, s.fingerprint
		if !e.send(encode(c)) {
			return
		}
	}
	e.done()
}
