package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// chatTypes are the types of a chat request's fields, in the order in which
// vLLM declares them.
var chatTypes = []string{
	"model:string", "frequency_penalty:float", "logit_bias:dict", "logprobs:bool", "top_logprobs:int", "max_tokens:int",
	"max_completion_tokens:int", "n:int", "presence_penalty:float", "response_format:dict", "seed:int", "stream:bool",
	"stream_options:dict", "temperature:float", "top_p:float", "tools:list", "thinking_token_budget:int",
	"include_reasoning:bool", "parallel_tool_calls:bool", "user:string", "top_k:int", "min_p:float",
	"repetition_penalty:float", "stop_token_ids:list", "include_stop_str_in_output:bool", "ignore_eos:bool",
	"min_tokens:int", "skip_special_tokens:bool", "add_generation_prompt:bool", "continue_final_message:bool",
	"add_special_tokens:bool", "chat_template:string", "chat_template_kwargs:dict", "structured_outputs:dict",
	"priority:int", "return_token_ids:bool",
}

type usage struct {
	PromptTokens     int                `json:"prompt_tokens"`
	TotalTokens      int                `json:"total_tokens"`
	CompletionTokens int                `json:"completion_tokens"`
	Prompt           json.RawMessage    `json:"prompt_tokens_details,omitempty"`
	Completion       *completionDetails `json:"completion_tokens_details,omitempty"`
}

type completionDetails struct {
	ReasoningTokens int `json:"reasoning_tokens"`
}

type functionCall struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type madeCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function functionCall `json:"function"`
}

type chatMessage struct {
	Role         string     `json:"role"`
	Content      *string    `json:"content"`
	Refusal      *string    `json:"refusal"`
	Annotations  *string    `json:"annotations"`
	Audio        *string    `json:"audio"`
	FunctionCall *string    `json:"function_call"`
	ToolCalls    []madeCall `json:"tool_calls,omitempty"`
	Reasoning    *string    `json:"reasoning"`
}

type chatChoice struct {
	Index         int         `json:"index"`
	Message       chatMessage `json:"message"`
	Logprobs      *logprobs   `json:"logprobs"`
	FinishReason  string      `json:"finish_reason"`
	StopReason    *string     `json:"stop_reason"`
	TokenIDs      []int       `json:"token_ids"`
	RoutedExperts *string     `json:"routed_experts"`

	WeightVersions json.RawMessage `json:"weight_versions,omitempty"`
}

type chatReply struct {
	ID                string       `json:"id"`
	Object            string       `json:"object"`
	Created           int64        `json:"created"`
	Model             string       `json:"model"`
	Choices           []chatChoice `json:"choices"`
	ServiceTier       *string      `json:"service_tier"`
	SystemFingerprint string       `json:"system_fingerprint"`
	Usage             usage        `json:"usage"`
	PromptLogprobs    *string      `json:"prompt_logprobs"`
	PromptTokenIDs    []int        `json:"prompt_token_ids"`
	PromptText        *string      `json:"prompt_text"`
	KVTransfer        *string      `json:"kv_transfer_params"`
	ECTransfer        *string      `json:"ec_transfer_params"`
	Metrics           *string      `json:"metrics"`
}

type logprobs struct {
	Content []tokenLogprob `json:"content"`
}

type logprob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

type tokenLogprob struct {
	logprob
	Top []logprob `json:"top_logprobs"`
}

// chatWishes reads what the answer must be.
func chatWishes(f fields, tools []tool) (want wishes, e *apiError) {
	want.mayCall = len(tools) > 0
	switch kindOf(f["tool_choice"]) {
	case '"':
		switch f.text("tool_choice") {
		case "none":
			want.mayCall = false
		case "required":
			want.mustCall = true
		}
	case '{':
		name := f.object("tool_choice").object("function").text("name")
		want.mustCall, want.named = true, name
		found := false
		for _, t := range tools {
			found = found || t.name == name
		}
		if !found {
			return want, badParameter("tool_choice",
				"The tool specified in `tool_choice` does not match any of the specified `tools` (parameter=tool_choice)")
		}
	}
	format := f.object("response_format")
	switch format.text("type") {
	case "json_schema":
		want.schema = format.object("json_schema")["schema"]
	case "json_object":
		want.anyJSON = true
	}
	so := f.object("structured_outputs")
	if kindOf(so["json"]) == '{' {
		want.schema = so["json"]
	}
	if expression := so.text("regex"); expression != "" {
		if _, err := regexp.Compile(expression); err != nil {
			return want, badRequest(fmt.Sprintf("Grammar error: invalid regex %q", expression))
		}
	}
	return want, checkSchema(want.schema)
}

// checkToolFields are vLLM's validators about tools.
func (f fields) checkToolFields() *apiError {
	if kindOf(f["tools"]) == '[' && len(list(f["tools"])) == 0 {
		return badParameter("tools",
			"`tools` must not be an empty array. Either provide at least one tool or omit the field entirely. (parameter=tools)")
	}
	if f.has("tool_choice") && f.text("tool_choice") != "none" && !f.has("tools") {
		return badParameter("tool_choice", "When using `tool_choice`, `tools` must be set. (parameter=tool_choice)")
	}
	return nil
}

// chatRun is a chat request that has passed all checks.
type chatRun struct {
	sampling
	id          string
	created     int64
	model       string
	prompt      []int
	tokens      []token // as generated, before cuts
	out         []token // what the answer shows
	reason      string
	stopReason  *string
	calls       []toolCall
	want        wishes
	offered     bool // tools are in the request, so that markup is parsed
	oneCall     bool
	hideThought bool
	misread     bool // a resumed message's text is taken for a thought
	faults      faults
}

func (s *server) prepareChat(r *http.Request, f fields) (*chatRun, *apiError) {
	if _, there := f["messages"]; there && kindOf(f["messages"]) == 'n' {
		return nil, badRequest("'NoneType' object is not iterable")
	}
	if faults := slices.Concat(f.checkMessages(), f.checkTypes(chatTypes...), f.checkTools(), f.checkEffort()); len(faults) > 0 {
		return nil, invalid(faults...)
	}
	if e := f.checkStreamOptions(); e != nil {
		return nil, e
	}
	if e := f.checkToolFields(); e != nil {
		return nil, e
	}
	if e := s.checkModel(f); e != nil {
		return nil, e
	}
	if choice := f.text("tool_choice"); faultsOf(r).noToolParser && f.has("tools") && (choice == "" || choice == "auto") {
		return nil, badRequest(`"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set`)
	}
	c, e := s.conversation(f)
	if e != nil {
		return nil, e
	}
	want, e := chatWishes(f, c.tools)
	if e != nil {
		return nil, e
	}
	prompt, e := s.prompt(c)
	if e != nil {
		return nil, e
	}
	p, e := s.sampling(f, s.o.MaxModelLen-len(prompt))
	if e != nil {
		return nil, e
	}
	if f.flag("logprobs", false) {
		n, _ := f.number("top_logprobs")
		if e := checkLogprobs(int(n)); e != nil {
			return nil, e
		}
		p.logprobs = int(n)
	}
	run := &chatRun{
		sampling: p, id: "chatcmpl-" + s.requestID(r), created: time.Now().Unix(), model: s.o.ServedModel,
		prompt: prompt, want: want, offered: len(c.tools) > 0, oneCall: !f.flag("parallel_tool_calls", true),
		hideThought: !f.flag("include_reasoning", true), misread: !s.since33(), faults: faultsOf(r),
	}
	run.generate(c)
	return run, nil
}

func (run *chatRun) generate(c *conversation) {
	a := answerTo(c, run.want)
	if !run.offered && len(a.calls) > 0 { // nobody parses it
		for _, call := range a.calls {
			a.text += callMarkup(call)
		}
		a.calls = nil
	}
	if run.want.mustCall {
		a.text, a.bare = "", true
	}
	thinking := c.thinking
	if run.faults.leakedThink {
		a.text = "<think>\n" + a.reasoning + "</think>\n\n" + a.text
		thinking = false
	}
	if run.faults.noReasoningParser && thinking && !c.resume { // the opening tag stands in the prompt
		a.text = a.reasoning + "</think>\n\n" + a.text
		thinking = false
	}
	run.calls = a.calls
	run.tokens = generate(a, thinking && !c.resume)
	if run.offered && !run.want.mustCall && !run.want.mayCall {
		for i := range run.tokens { // the parser takes the calls out and drops them
			run.tokens[i].call = nil
		}
		run.calls = nil
	}
	if run.oneCall {
		for i, t := range run.tokens {
			if t.call != nil && t.call.index > 0 {
				run.tokens[i].call = nil
			}
		}
		run.calls = run.calls[:min(1, len(run.calls))]
	}
	if run.faults.misplaced && !thinking || c.resume && c.thinking && run.misread {
		// Without an opened thought of its own, the text of a resumed message
		// is taken for one up to 0.32 (recorded).
		for i := range run.tokens {
			t := &run.tokens[i]
			t.reasoning, t.content, t.thought = t.content, "", t.content != ""
		}
	}
	if run.faults.badArguments {
		for i := len(run.tokens) - 1; i >= 0; i-- {
			if p := run.tokens[i].call; p != nil && strings.HasSuffix(p.args, "}") && p.done == len(parameters(run.calls[p.index].arguments)) {
				run.tokens[i].call.args = strings.TrimSuffix(p.args, "}")
			}
		}
	}
	var stop string
	run.out, run.reason, stop = run.cut(run.tokens)
	if stop != "" {
		run.stopReason = &stop
	}
	if len(run.calls) > 0 && run.reason == "stop" && stop == "" && run.want.named == "" {
		run.reason = "tool_calls"
	}
}

func (run *chatRun) usage(thoughts, tokens int) usage {
	return usage{
		PromptTokens: len(run.prompt), TotalTokens: len(run.prompt) + tokens, CompletionTokens: tokens,
		Completion: &completionDetails{thoughts},
	}
}

// whole is the answer in one piece.
func (run *chatRun) whole(s *server) chatReply {
	var reasoning, content strings.Builder
	var thoughts int
	var ids []int
	done := map[int]int{}
	started := 0
	for _, t := range run.out {
		reasoning.WriteString(t.reasoning)
		content.WriteString(t.content)
		if t.thought {
			thoughts++
		}
		ids = append(ids, t.id)
		if t.call != nil {
			if t.call.name != "" {
				started++
			}
			done[t.call.index] = max(done[t.call.index], t.call.done)
		}
	}
	reply := chatReply{ID: run.id, Object: "chat.completion", Created: run.created, Model: run.model, SystemFingerprint: s.fingerprint}
	for i := range run.n {
		m := chatMessage{Role: "assistant"}
		reason := run.reason
		for j := range started {
			args := run.calls[j].shown(done[j])
			if run.faults.badArguments {
				args = strings.TrimSuffix(args, "}")
			}
			m.ToolCalls = append(m.ToolCalls, madeCall{"chatcmpl-tool-" + s.nextID(), "function", functionCall{run.calls[j].name, args}})
		}
		text := content.String()
		switch {
		case started > 0 && run.want.mustCall:
			m.Content = new(string)
		case started > 0:
			// Up to 0.32 a call that the token limit cut is passed off as a whole one.
			if reason == "length" && !s.since33() {
				reason = "tool_calls"
			}
			if text = strings.TrimSpace(text); text != "" {
				m.Content = &text
			}
		case text != "":
			m.Content = &text
		}
		if started > 0 && run.want.mustCall && run.want.named == "" && reason == "length" && !s.since33() {
			reason = "tool_calls"
		}
		if r := reasoning.String(); r != "" && !run.hideThought {
			m.Reasoning = &r
		}
		c := chatChoice{Index: i, Message: m, FinishReason: reason, StopReason: run.stopReason, WeightVersions: s.newKey()}
		if run.logprobs >= 0 {
			c.Logprobs = run.logprobsOf(run.out)
		}
		if run.tokenIDs {
			c.TokenIDs = ids
		}
		reply.Choices = append(reply.Choices, c)
	}
	if run.tokenIDs {
		reply.PromptTokenIDs = run.prompt
	}
	reply.Usage = run.usage(thoughts*run.n, len(run.out)*run.n)
	reply.Usage.Prompt = json.RawMessage(`{"cached_tokens":0,"created_cache_tokens":0,"multimodal_tokens":null}`)
	return reply
}

// logprobsOf makes up likelihoods: they depend on the token's id alone.
func (p sampling) logprobsOf(tokens []token) *logprobs {
	l := &logprobs{Content: []tokenLogprob{}}
	for _, t := range tokens {
		entry := tokenLogprob{logprob: logprobOf(t.id, 0), Top: []logprob{}}
		for i := range p.logprobs {
			entry.Top = append(entry.Top, logprobOf((t.id+i)%len(vocabulary().tokens), i))
		}
		l.Content = append(l.Content, entry)
	}
	return l
}

func logprobOf(id, rank int) logprob {
	raw := vocabulary().tokens[id]
	l := logprob{Token: strings.ToValidUTF8(raw, "\uFFFD"), Logprob: -float64(id%97+1)/10000 - 4*float64(rank)}
	for i := range len(raw) {
		l.Bytes = append(l.Bytes, int(raw[i]))
	}
	return l
}

func (s *server) chat(w http.ResponseWriter, r *http.Request) {
	f, ok := readFields(w, r)
	if !ok {
		return
	}
	run, e := s.prepareChat(r, f)
	if e != nil {
		writeError(w, e)
		return
	}
	s.totals.count(len(run.prompt), len(run.out)*run.n, run.reason)
	if run.stream {
		run.streamTo(s.openEvents(w, r), s)
		return
	}
	if run.faults.errorInStream {
		writeError(w, &apiError{Message: s.engineGone, Type: "InternalServerError", Code: http.StatusInternalServerError})
		return
	}
	run.faults.send(w, r, http.StatusOK, encode(run.whole(s)))
}
