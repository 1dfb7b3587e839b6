package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"
)

// question is a chat request that costs so many tokens.
func (s *Server) question(tokens int, thinking bool, more map[string]any) []byte {
	name := s.upstream.Model
	if m, ok := s.models.served(name); ok { // who has it talk has looked for it
		name = m.Name
	}
	body := map[string]any{
		"model": name, "messages": []map[string]string{{"role": "user", "content": "Hi"}},
		"max_tokens": tokens, "temperature": 0, "chat_template_kwargs": map[string]bool{"enable_thinking": thinking},
	}
	for k, v := range more {
		body[k] = v
	}
	b, _ := json.Marshal(body)
	return b
}

// unasked says why a check that has the model talk is not made, "" if it is.
func (s *Server) unasked(ctx context.Context) string {
	l := s.list(ctx)
	if _, ok := l.served(s.upstream.Model); !ok {
		return "the model is not known"
	}
	if l.kind != VLLM && l.kind != SGLang {
		return "only " + VLLM + " and " + SGLang + " are asked"
	}
	return ""
}

// Reasoning looks whether thinking comes apart from the answer. It costs two tokens.
func (s *Server) Reasoning(ctx context.Context) Finding {
	if why := s.unasked(ctx); why != "" {
		return Finding{reasoning, Skip, why, ""}
	}
	if s.Kind(ctx) == SGLang {
		if parser := s.sglang(ctx, "reasoning_parser"); parser != "" && parser != hidden {
			return Finding{reasoning, OK, s.shown(parser), ""}
		}
	}
	thinks := s.thinks(ctx)
	if thinks == no {
		return Finding{reasoning, Skip, "the model's template knows no switch for thinking", ""}
	}
	a, err := s.Ask(ctx, "/v1/chat/completions", s.question(2, true, nil))
	switch {
	case err != nil:
		return Finding{reasoning, Skip, "no answer: " + s.cause(err), ""}
	case a.Status != http.StatusOK:
		return Finding{reasoning, Skip, fmt.Sprintf("the question was refused (%d): %s", a.Status, s.words(a)), ""}
	}
	m := a.json().Get("choices.0.message")
	switch {
	case m.Get("reasoning").String() != "", m.Get("reasoning_content").String() != "":
		return Finding{reasoning, OK, "thinking comes apart from the answer", ""}
	case strings.TrimSpace(m.Get("content").String()) == "":
		return Finding{reasoning, Skip, "the model said nothing in two tokens", ""}
	}
	found := "thinking comes as a part of the answer"
	if thinks == unknown {
		found = "the answer comes without thinking, or with it as a part: if this model thinks, it needs a parser"
	}
	return Finding{reasoning, Warn, found, "start " + s.Kind(ctx) + " with --reasoning-parser qwen3"}
}

// A guess is one of three.
type guess int

const (
	unknown guess = iota
	no
	yes
)

// thinks looks whether the template turns the switch for thinking into another prompt.
func (s *Server) thinks(ctx context.Context) guess {
	var prompts [2]string
	for i, thinking := range [...]bool{false, true} {
		a, err := s.Ask(ctx, "/tokenize", s.question(1, thinking, nil))
		if err != nil || a.Status != http.StatusOK {
			return unknown
		}
		if prompts[i] = a.json().Get("tokens").Raw; prompts[i] == "" {
			return unknown
		}
	}
	if prompts[0] == prompts[1] {
		return no
	}
	return yes
}

// Tools looks whether the model's calls are understood. It costs one token.
func (s *Server) Tools(ctx context.Context) Finding {
	if why := s.unasked(ctx); why != "" {
		return Finding{tools, Skip, why, ""}
	}
	if s.Kind(ctx) == SGLang {
		switch parser := s.sglang(ctx, "tool_call_parser"); parser {
		case "":
			return Finding{tools, Fail, "the server has none: calls come as text", "start SGLang with --tool-call-parser qwen3_coder"}
		case hidden:
			return Finding{tools, Skip, "the server does not say", ""}
		default:
			return Finding{tools, OK, s.shown(parser), ""}
		}
	}
	tool := map[string]any{"type": "function", "function": map[string]any{
		"name": "ping", "parameters": map[string]any{"type": "object", "properties": map[string]any{}}}}
	a, err := s.Ask(ctx, "/v1/chat/completions", s.question(1, false, map[string]any{"tools": []any{tool}, "tool_choice": "auto"}))
	switch {
	case err != nil:
		return Finding{tools, Skip, "no answer: " + s.cause(err), ""}
	case a.Status == http.StatusOK:
		return Finding{tools, OK, "tools are taken", ""}
	case a.Status == http.StatusBadRequest && strings.Contains(s.words(a), "--tool-call-parser"):
		return Finding{tools, Fail, fmt.Sprintf("the server refuses tools (%d): %s", a.Status, s.words(a)),
			"start vLLM with --enable-auto-tool-choice --tool-call-parser qwen3_coder"}
	}
	return Finding{tools, Skip, fmt.Sprintf("the question was refused (%d): %s", a.Status, s.words(a)), ""}
}

// hidden stands for a setting that SGLang does not tell.
const hidden = "?"

// sglang is a setting of SGLang's, "" where it is not set.
func (s *Server) sglang(ctx context.Context, name string) string {
	for _, path := range [...]string{"/server_info", "/get_server_info"} {
		a, err := s.Ask(ctx, path, nil)
		if err != nil || a.Status != http.StatusOK {
			continue
		}
		if v := a.json().Get(name); v.Exists() && v.Type != gjson.Null {
			return v.String()
		} else if v.Exists() {
			return ""
		}
	}
	return hidden
}
