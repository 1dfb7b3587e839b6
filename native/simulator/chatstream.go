package simulator

import (
	"encoding/json"
	"strings"
)

type callFunction struct {
	Name      string  `json:"name,omitempty"`
	Arguments *string `json:"arguments,omitempty"`
}

type callDelta struct {
	ID       string       `json:"id,omitempty"`
	Type     string       `json:"type,omitempty"`
	Index    int          `json:"index"`
	Function callFunction `json:"function"`
}

type delta struct {
	Role      string          `json:"role,omitempty"`
	Content   *string         `json:"content,omitempty"`
	Reasoning json.RawMessage `json:"reasoning,omitempty"`
	ToolCalls []callDelta     `json:"tool_calls,omitempty"`
}

type deltaChoice struct {
	Index        int             `json:"index"`
	Delta        delta           `json:"delta"`
	Logprobs     *logprobs       `json:"logprobs"`
	FinishReason *string         `json:"finish_reason"`
	StopReason   json.RawMessage `json:"stop_reason,omitempty"`
	TokenIDs     json.RawMessage `json:"token_ids,omitempty"`

	WeightVersions json.RawMessage `json:"weight_versions,omitempty"`
}

type chatChunk struct {
	ID                string          `json:"id"`
	Object            string          `json:"object"`
	Created           int64           `json:"created"`
	Model             string          `json:"model"`
	Choices           []deltaChoice   `json:"choices"`
	Usage             *usage          `json:"usage,omitempty"`
	PromptTokenIDs    json.RawMessage `json:"prompt_token_ids,omitempty"`
	PromptText        json.RawMessage `json:"prompt_text,omitempty"`
	SystemFingerprint string          `json:"system_fingerprint,omitempty"`
	KVTransfer        json.RawMessage `json:"kv_transfer_params,omitempty"`
}

var null = json.RawMessage("null")

// step is one event of one choice: what the tokens up to it brought.
type step struct {
	reasoning, content string
	call               *callPiece
	tokens             []token // those that the event answers for
	generated          int     // tokens so far
	thoughts           int     // reasoning tokens so far
	last               bool
}

func (st step) empty() bool { return st.reasoning == "" && st.content == "" && st.call == nil }

// holdback keeps the end of a text back, which may yet become a stop string.
type holdback struct {
	most int // bytes
	kept string
}

// take returns what of the text may be shown now; flush: all of it.
func (h *holdback) take(text string, flush bool) string {
	h.kept += text
	n := len(h.kept) - h.most
	if flush {
		n = len(h.kept)
	}
	if n <= 0 {
		return ""
	}
	shown, rest := wholeCharacters(h.kept[:n])
	h.kept = rest + h.kept[n:]
	return shown
}

// steps turns tokens into events: silent tokens join the event after them,
// the blank line after a thought joins the text that follows it, and with stop
// strings the text comes late by what might yet become one.
func (run *chatRun) steps() (out []step) {
	var pending []token
	var thoughts int
	var blank string
	hold := 0
	for _, s := range run.stop {
		hold = max(hold, len(s)-1)
	}
	reasoning, content := holdback{most: hold}, holdback{most: hold}
	emit := func(st step) {
		st.tokens, st.thoughts = pending, thoughts
		pending = nil
		out = append(out, st)
	}
	for i, t := range run.out {
		pending = append(pending, t)
		if t.thought {
			thoughts++
		}
		st := step{generated: i + 1, last: i == len(run.out)-1, reasoning: t.reasoning, content: t.content}
		if hold > 0 {
			st.reasoning = reasoning.take(t.reasoning, t.reasoning == "" || st.last)
			st.content = content.take(t.content, t.content == "" || st.last)
			if st.reasoning != "" && st.content != "" { // never both in one delta
				emit(step{generated: i + 1, reasoning: st.reasoning})
				st.reasoning = ""
			}
		}
		if run.hideThought {
			st.reasoning = ""
		}
		if st.content != "" {
			st.content = blank + st.content
			blank = ""
			if st.content == "\n\n" && !st.last {
				st.content, blank = "", st.content
			}
		}
		if t.call != nil {
			blank = "" // a blank line alone before a call is dropped
			if t.call.name != "" || t.call.args != "" {
				st.call = t.call
			}
			if st.last && run.reason == "length" && t.call.rest != "" {
				piece := *t.call
				piece.args += piece.rest
				st.call = &piece
			}
		}
		if st.last {
			st.content += blank
		}
		if !st.empty() || st.last || run.tokenIDs { // ids of silent tokens are told too
			emit(st)
		}
	}
	return out
}

func (run *chatRun) streamTo(e *events, s *server) {
	for i := range run.n {
		c := run.chunk(deltaChoice{Index: i, Delta: delta{Role: "assistant", Content: new(string)}})
		c.Usage = run.usageSoFar(step{})
		c.PromptTokenIDs, c.PromptText = null, null
		if run.tokenIDs {
			c.PromptTokenIDs = encode(run.prompt)
		}
		if !e.send(encode(c)) {
			return
		}
	}
	steps := run.steps()
	for _, st := range steps {
		for i := range run.n {
			c := run.chunk(run.choice(st, i, s))
			if st.last && i == run.n-1 && !run.sampling.usage {
				c.SystemFingerprint = s.fingerprint
			}
			c.Usage, c.KVTransfer = run.usageSoFar(st), s.newKey()
			if !e.send(encode(c)) {
				return
			}
		}
	}
	if run.sampling.usage {
		c := run.chunk()
		last := steps[len(steps)-1]
		u := run.usage(last.thoughts*run.n, last.generated*run.n)
		u.Prompt = json.RawMessage(`{"cached_tokens":0,"created_cache_tokens":0}`)
		c.Usage = &u
		c.SystemFingerprint = s.fingerprint
		if !e.send(encode(c)) {
			return
		}
	}
	e.done()
}

func (run *chatRun) chunk(choices ...deltaChoice) chatChunk {
	if choices == nil {
		choices = []deltaChoice{} // [], not null
	}
	return chatChunk{ID: run.id, Object: "chat.completion.chunk", Created: run.created, Model: run.model, Choices: choices}
}

func (run *chatRun) usageSoFar(st step) *usage {
	if !run.usageAlways {
		return nil
	}
	u := run.usage(st.thoughts, st.generated)
	return &u
}

// choice is a step of choice i.
func (run *chatRun) choice(st step, i int, s *server) deltaChoice {
	d := deltaChoice{Index: i, Delta: run.delta(st, s), TokenIDs: null}
	if run.tokenIDs {
		var ids []int
		for _, t := range st.tokens {
			ids = append(ids, t.id)
		}
		d.TokenIDs = encode(ids)
	}
	if run.logprobs >= 0 {
		d.Logprobs = run.logprobsOf(st.tokens)
	}
	if st.last {
		d.FinishReason, d.StopReason, d.WeightVersions = &run.reason, null, s.newKey()
		if run.stopReason != nil {
			d.StopReason = encode(*run.stopReason)
		}
	}
	return d
}

func (run *chatRun) delta(st step, s *server) (d delta) {
	switch {
	case st.call != nil && st.call.name != "":
		d.ToolCalls = []callDelta{{
			ID: "chatcmpl-tool-" + s.nextID(), Type: "function", Index: st.call.index,
			Function: callFunction{Name: st.call.name},
		}}
		if st.call.args != "" {
			d.ToolCalls[0].Function.Arguments = &st.call.args
		}
	case st.call != nil:
		d.ToolCalls = []callDelta{{Index: st.call.index, Function: callFunction{Arguments: &st.call.args}}}
	case st.content != "":
		text := strings.ToValidUTF8(st.content, "\uFFFD")
		d.Content = &text
		if run.hideThought {
			d.Reasoning = null
		}
	case st.reasoning != "":
		d.Reasoning = encode(strings.ToValidUTF8(st.reasoning, "\uFFFD"))
	}
	return d
}
