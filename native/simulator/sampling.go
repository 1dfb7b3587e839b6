package simulator

import (
	"fmt"
	"strconv"
	"strings"
)

// sampling is the part of a request that chat and completions share.
type sampling struct {
	n           int
	maxTokens   int // tokens that the answer may have; at least 1
	stop        []string
	keepStop    bool
	logprobs    int // alternatives per token; -1 for no logprobs at all
	stream      bool
	usage       bool // a stream's last event tells the usage
	usageAlways bool // and every other event too
	tokenIDs    bool
}

// maxChoices bounds n so that no request takes much memory.
const maxChoices = 128

// sampling reads and checks the shared fields; room is what the prompt leaves
// of the window.
func (s *server) sampling(f fields, room int) (sampling, *apiError) {
	p := sampling{
		n: 1, logprobs: -1, stream: f.flag("stream", false),
		keepStop: f.flag("include_stop_str_in_output", false), tokenIDs: f.flag("return_token_ids", false),
	}
	if n, ok := f.number("n"); ok {
		p.n = int(n)
		if p.n < 1 {
			return p, badRequest(fmt.Sprintf("n must be at least 1, got %d.", p.n))
		}
		if p.n > maxChoices {
			return p, badRequest(fmt.Sprintf("n must be at most %d, got %d.", maxChoices, p.n))
		}
	}
	if t, ok := f.number("temperature"); ok && t < 0 {
		return p, badParameter("temperature",
			fmt.Sprintf("temperature must be non-negative, got %[1]s. (parameter=temperature, value=%[1]s)", pyFloat(t)))
	}
	if t, ok := f.number("temperature"); ok && t > 2 {
		return p, badParameter("temperature",
			fmt.Sprintf("temperature must be in [0, 2], got %[1]s. (parameter=temperature, value=%[1]s)", pyFloat(t)))
	}
	if t, ok := f.number("top_p"); ok && (t <= 0 || t > 1) {
		return p, badParameter("top_p", fmt.Sprintf("top_p must be in (0, 1], got %[1]s. (parameter=top_p, value=%[1]s)", pyFloat(t)))
	}
	p.maxTokens = room
	name, max, ok := "max_completion_tokens", 0.0, false
	if max, ok = f.number(name); !ok {
		name = "max_tokens"
		max, ok = f.number(name)
	}
	if ok {
		switch n := int(max); {
		case n < 1:
			return p, badParameter("max_tokens", fmt.Sprintf("max_tokens must be at least 1, got %[1]d. (parameter=max_tokens, value=%[1]d)", n))
		case n > s.o.MaxModelLen:
			return p, badParameter("max_tokens", fmt.Sprintf("max_tokens=%[1]d cannot be greater than max_model_len=%[2]d. "+
				"Please request fewer output tokens. (parameter=max_tokens, value=%[1]d)", n, s.o.MaxModelLen))
		case n < room:
			p.maxTokens = n
		}
	}
	switch kindOf(f["stop"]) {
	case '"':
		p.stop = []string{f.text("stop")}
	case '[':
		for _, v := range list(f["stop"]) {
			p.stop = append(p.stop, text(v))
		}
	}
	for _, stop := range p.stop {
		if stop == "" {
			return p, badRequest("stop cannot contain an empty string.")
		}
	}
	if p.stream {
		o := f.object("stream_options")
		p.usage = o.flag("include_usage", false)
		p.usageAlways = p.usage && o.flag("continuous_usage_stats", false)
	}
	return p, nil
}

// checkLogprobs refuses more alternatives than vLLM's default allows.
func checkLogprobs(n int) *apiError {
	if n > 20 {
		return badParameter("logprobs",
			fmt.Sprintf("Requested sample logprobs of %[1]d, which is greater than max allowed: 20 (parameter=logprobs, value=%[1]d)", n))
	}
	return nil
}

// checkStreamOptions is vLLM's validator of that name.
func (f fields) checkStreamOptions() *apiError {
	if f.has("stream_options") && !f.flag("stream", false) {
		return badParameter("stream_options", "Stream options can only be defined when `stream=True`. (parameter=stream_options)")
	}
	return nil
}

// pyFloat writes a float as Python does: 3.0, not 3.
func pyFloat(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// cut ends the tokens where the token limit or a stop string does. reason is
// the finish reason, stop the string that was met.
func (p sampling) cut(tokens []token) (out []token, reason, stop string) {
	if len(tokens) > p.maxTokens {
		tokens, reason = tokens[:p.maxTokens], "length"
	} else {
		reason = "stop"
	}
	if len(p.stop) == 0 {
		return tokens, reason, ""
	}
	seen := ""
	for i, t := range tokens {
		seen += t.reasoning + t.content
		for _, s := range p.stop {
			at := strings.Index(seen, s)
			if at < 0 {
				continue
			}
			over := len(seen) - at
			if p.keepStop {
				over -= len(s)
			}
			out := append([]token(nil), tokens[:i+1]...)
			// What stands behind the cut goes, over as many tokens as it takes.
			for j := i; j >= 0 && over > 0; j-- {
				for _, field := range []*string{&out[j].content, &out[j].reasoning} {
					n := min(over, len(*field))
					*field = (*field)[:len(*field)-n]
					over -= n
				}
			}
			return out, "stop", s
		}
		if longest := 4096; len(seen) > 2*longest {
			seen = seen[len(seen)-longest:]
		}
	}
	return tokens, reason, ""
}
