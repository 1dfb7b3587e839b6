package simulator

import (
	"encoding/json"
	"fmt"
	"strings"
)

// conversation is what a chat or tokenize request brings to the template.
type conversation struct {
	messages []message
	tools    []tool
	thinking bool
	generate bool // ends in the head of the answer
	resume   bool // ends in the midst of its last message
}

// render writes the conversation as the prompt.
func (c *conversation) render() (string, *apiError) {
	text, e := render(c.messages, c.tools, c.thinking, c.generate)
	if c.resume {
		text = strings.TrimSuffix(text, "<|im_end|>\n")
	}
	return text, e
}

// messageKinds are the shapes that vLLM tries a message against, with the
// role that each wants.
var messageKinds = []struct{ name, role string }{
	{"ChatCompletionDeveloperMessageParam", "developer"},
	{"ChatCompletionSystemMessageParam", "system"},
	{"ChatCompletionUserMessageParam", "user"},
	{"ChatCompletionAssistantMessageParam", "assistant"},
	{"ChatCompletionToolMessageParam", "tool"},
	{"ChatCompletionFunctionMessageParam", "function"},
	{"CustomChatCompletionMessageParam", ""},
	{"Message", ""},
}

// checkMessages lists what is wrong with the shape of messages.
func (f fields) checkMessages() (faults []fault) {
	v, ok := f["messages"]
	if !ok {
		return []fault{{"missing", "body.messages", "Field required", fmt.Sprintf("<dict of %d items>", len(f)), ""}}
	}
	if kindOf(v) != '[' {
		return []fault{{"list_type", "body.messages", "Input should be a valid list", shown(v), ""}}
	}
	for i, raw := range list(v) {
		faults = append(faults, checkMessage(fmt.Sprintf("body.messages.%d.", i), raw)...)
	}
	return faults
}

// checkMessage lists what each shape of a message finds wrong with one that fits none.
func checkMessage(at string, raw json.RawMessage) (faults []fault) {
	var m fields
	if json.Unmarshal(raw, &m) != nil || m == nil {
		for _, k := range messageKinds {
			faults = append(faults, fault{"dict_type", at + k.name, "Input should be a valid dictionary", shown(raw), ""})
		}
		return faults
	}
	role, content := m.text("role"), kindOf(m["content"])
	if _, has := m["role"]; !has {
		return m.missingRole(at)
	}
	wrong := content != '"' && content != '['
	if content == 'n' && (role == "assistant" || role == "function") {
		wrong = false
	}
	if _, has := m["content"]; !has {
		// The shape for custom roles lets a message be without content.
		wrong = false
	}
	if !wrong {
		return nil
	}
	return m.wrongContent(at, role, raw)
}

func (f fields) missingRole(at string) (faults []fault) {
	for _, k := range messageKinds {
		size := fmt.Sprintf("<dict of %d items>", len(f))
		missing := func(name string) {
			if _, has := f[name]; !has {
				faults = append(faults, fault{"missing", at + k.name + "." + name, "Field required", size, ""})
			}
		}
		switch k.role {
		case "function":
			missing("name")
		case "":
			if k.name == "Message" {
				missing("author")
			}
		}
		missing("role")
		if k.role == "tool" {
			missing("tool_call_id")
		}
	}
	return faults
}

func (f fields) wrongContent(at, role string, raw json.RawMessage) (faults []fault) {
	for _, k := range messageKinds {
		where := at + k.name
		add := func(kind, name, message string) {
			input := shown(f["content"])
			if kind == "missing" {
				input = shown(raw)
			}
			faults = append(faults, fault{kind, where + "." + name, message, input, ""})
		}
		switch k.name {
		case "ChatCompletionAssistantMessageParam":
		case "ChatCompletionFunctionMessageParam":
			if !f.has("name") {
				add("missing", "name", "Field required")
			}
		case "Message":
			add("missing", "author", "Field required")
			add("list_type", "content", "Input should be a valid list")
		default:
			add("string_type", "content", "Input should be a valid string")
			add("iterable_type", "content", "Input should be iterable")
		}
		if k.role == "tool" && !f.has("tool_call_id") {
			add("missing", "tool_call_id", "Field required")
		}
		if k.role != "" && k.role != role {
			faults = append(faults, notLiteral(where+".role", "'"+k.role+"'", f["role"]))
		}
	}
	return faults
}

// checkTools lists what is wrong with the shape of tools.
func (f fields) checkTools() (faults []fault) {
	if kindOf(f["tools"]) != '[' {
		return nil
	}
	for i, raw := range list(f["tools"]) {
		at := fmt.Sprintf("body.tools.%d", i)
		var t fields
		if json.Unmarshal(raw, &t) != nil || t == nil {
			faults = append(faults, notObject(at, raw))
			continue
		}
		if t.has("type") && t.text("type") != "function" {
			faults = append(faults, notLiteral(at+".type", "'function'", t["type"]))
		}
		fn, has := t["function"]
		switch {
		case !has:
			faults = append(faults, fault{"missing", at + ".function", "Field required", shown(raw), ""})
		case kindOf(fn) != '{':
			faults = append(faults, notObject(at+".function", fn))
		default:
			o := t.object("function")
			if _, has := o["name"]; !has {
				faults = append(faults, fault{"missing", at + ".function.name", "Field required", shown(fn), ""})
			} else if kindOf(o["name"]) != '"' {
				faults = append(faults, fault{"string_type", at + ".function.name",
					"Input should be a valid string", shown(o["name"]), ""})
			}
			if k := kindOf(o["parameters"]); k != '{' && k != 'n' {
				faults = append(faults, fault{"dict_type", at + ".function.parameters",
					"Input should be a valid dictionary", shown(o["parameters"]), ""})
			}
		}
	}
	return faults
}

// checkEffort refuses an effort that the enumeration doesn't know.
func (f fields) checkEffort() []fault {
	const allowed = "'none', 'minimal', 'low', 'medium', 'high', 'xhigh' or 'max'"
	if !f.has("reasoning_effort") {
		return nil
	}
	e := f.text("reasoning_effort")
	if e != "" && strings.Contains(allowed, "'"+e+"'") {
		return nil
	}
	return []fault{notLiteral("body.reasoning_effort", allowed, f["reasoning_effort"])}
}

// conversation reads what the template needs from fields whose shapes have
// been checked.
func (s *server) conversation(f fields) (*conversation, *apiError) {
	c := &conversation{
		thinking: f.text("reasoning_effort") != "none",
		generate: f.flag("add_generation_prompt", true),
		resume:   f.flag("continue_final_message", false),
	}
	if c.resume && c.generate {
		return nil, badRequest("Cannot set both `continue_final_message` and `add_generation_prompt` to True.")
	}
	switch kindOf(f.object("chat_template_kwargs")["enable_thinking"]) {
	case 'f':
		c.thinking = false
	case 't':
		c.thinking = true
	}
	for _, raw := range list(f["tools"]) {
		var t fields
		json.Unmarshal(raw, &t)
		fn := t.object("function")
		c.tools = append(c.tools, tool{raw: raw, name: fn.text("name"), parameters: fn["parameters"]})
	}
	var hoisted []string
	for _, raw := range list(f["messages"]) {
		var o fields
		json.Unmarshal(raw, &o)
		m := message{role: o.text("role"), reasoning: o.text("reasoning_content")}
		if m.reasoning == "" {
			m.reasoning = o.text("reasoning")
		}
		var e *apiError
		if m.text, m.images, e = s.flatten(o["content"]); e != nil {
			return nil, e
		}
		for _, rc := range list(o["tool_calls"]) {
			var call fields
			json.Unmarshal(rc, &call)
			fn := call.object("function")
			m.calls = append(m.calls, toolCall{fn.text("name"), fn.text("arguments")})
		}
		if m.role == "developer" && !s.o.OldDeveloper {
			hoisted = append(hoisted, m.text)
			continue
		}
		c.messages = append(c.messages, m)
	}
	if len(hoisted) > 0 {
		if len(c.messages) > 0 && c.messages[0].role == "system" {
			hoisted = append([]string{c.messages[0].text}, hoisted...)
			c.messages = c.messages[1:]
		}
		c.messages = append([]message{{role: "system", text: strings.Join(hoisted, "\n\n")}}, c.messages...)
	}
	return c, nil
}

// flatten joins the text parts of a message's content, and counts its images.
func (s *server) flatten(content json.RawMessage) (joined string, images int, e *apiError) {
	if kindOf(content) != '[' {
		return text(content), 0, nil
	}
	var texts []string
	for _, raw := range list(content) {
		if kindOf(raw) == '"' {
			texts = append(texts, text(raw))
			continue
		}
		var part fields
		json.Unmarshal(raw, &part)
		switch part.text("type") {
		case "text", "input_text", "output_text", "refusal", "thinking", "":
			texts = append(texts, part.text("text"))
		case "image_url", "input_image", "image_pil", "image_embeds", "input_audio", "audio_url", "video_url":
			if !s.o.Images || part.text("type") != "image_url" {
				return "", 0, badRequest(s.o.ServedModel + " is not a multimodal model")
			}
			if !isImage(part) {
				return "", 0, badRequest("The URL must be either a HTTP, data or file URL.")
			}
			images++
		default:
			return "", 0, badRequest("Unknown part type: " + part.text("type"))
		}
	}
	return strings.Join(texts, "\n"), images, nil
}

// isImage tells whether a part holds a URL that an image could have, as a text or in an object.
// Nobody looks at the image itself.
func isImage(part fields) bool {
	url := part.text("image_url")
	if kindOf(part["image_url"]) == '{' {
		url = part.object("image_url").text("url")
	}
	for _, prefix := range []string{"http://", "https://", "data:image/"} {
		if strings.HasPrefix(url, prefix) {
			return true
		}
	}
	return false
}

// checkModel refuses a model that isn't served; none at all is taken.
func (s *server) checkModel(f fields) *apiError {
	m := f.text("model")
	if m == "" || m == s.o.ServedModel {
		return nil
	}
	e := badParameter("model", fmt.Sprintf("The model `%s` does not exist. Valid aliases: %s.", m, s.o.ServedModel))
	e.Type, e.Code = "NotFoundError", 404
	return e
}

// prompt renders and counts the conversation and refuses one that leaves no
// room for an answer.
func (s *server) prompt(c *conversation) ([]int, *apiError) {
	text, e := c.render()
	if e != nil {
		return nil, e
	}
	ids := vocabulary().encode(text)
	return ids, s.checkWindow(len(ids))
}

func (s *server) checkWindow(tokens int) *apiError {
	if n := s.o.MaxModelLen; tokens >= n {
		return badParameter("input_tokens", fmt.Sprintf("This model's maximum context length is %[1]d tokens. "+
			"However, your prompt contains at least %[2]d input tokens, which exceeds this limit even without any output tokens. "+
			"Please reduce the length of the input prompt. (parameter=input_tokens, value=%[2]d)", n, n+1))
	}
	return nil
}
