package toolset

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// ForbidCalls has no tool called. The tools are sent all the same, so that the prompt's
// beginning stays; a thinking model may still call one.
func (s *Set) ForbidCalls() { s.mode, s.only = "none", true }

// Callable tells whether the model may call anything, so that a grammar for its text
// would be in the way.
func (s *Set) Callable() bool { return len(s.all) > 0 && s.mode != "none" }

// Choose reads a tool_choice, nil where there is none.
func (s *Set) Choose(raw []byte) *hub.Problem {
	switch {
	case raw == nil:
		return nil
	case raw[0] == '"':
		return s.chooseMode(jsonedit.Text(raw))
	case raw[0] != '{':
		return hub.WrongType("tool_choice", "a string or an object")
	}
	c := readChoice(&s.small, raw)
	if string(c.kind) == "allowed_tools" {
		return s.allow(c)
	}
	i, p := s.chosen(c, "tool_choice")
	if p != nil {
		return p
	}
	s.forced = i + 1
	return nil
}

func (s *Set) chooseMode(mode []byte) *hub.Problem {
	switch string(mode) {
	case "auto":
		s.mode = "auto"
	case "none":
		s.ForbidCalls()
	case "required":
		if len(s.all) == 0 {
			return hub.WrongValue("tool_choice", "required needs tools, and there are none that the model can call.")
		}
		s.mode = "required"
	default:
		return hub.WrongValue("tool_choice", hub.Quoted(mode)+" is none of none, auto, required.")
	}
	return nil
}

// choice is one tool_choice object, or an element of its tools: texts, and a value.
type choice struct{ kind, name, namespace, mode, tools []byte }

var choiceNames = [...]string{"type", "name", "namespace", "mode", "tools"}

func readChoice(s *jsonedit.Scanner, raw []byte) choice {
	var v [len(choiceNames)][]byte
	s.Pick(raw, choiceNames[:], v[:])
	return choice{jsonedit.Text(v[0]), jsonedit.Text(v[1]), jsonedit.Text(v[2]), jsonedit.Text(v[3]), v[4]}
}

// chosen is the function that a choice names.
func (s *Set) chosen(c choice, param string) (int32, *hub.Problem) {
	kind := Function
	switch string(c.kind) {
	case "":
		return 0, hub.Missing(param + ".type")
	case "function", "custom":
		if len(c.name) == 0 {
			return 0, hub.Missing(param + ".name")
		}
		i := s.names.find(c.namespace, c.name)
		if i < 0 {
			return 0, hub.WrongValue(param, "there is no tool "+hub.Quoted(c.name)+" in tools.")
		}
		return i, nil
	case "tool_search":
		kind = ToolSearch
	case "local_shell":
		kind = LocalShell
	case "shell":
		kind = Shell
	case "apply_patch":
		kind = ApplyPatch
	default:
		return 0, hub.UnsupportedValue(param, hub.Quoted(c.kind)+" is no tool that a chat model's server can run.")
	}
	if s.typed[kind] == 0 {
		return 0, hub.WrongValue(param, "there is no tool of type "+hub.Quoted(c.kind)+" in tools.")
	}
	return s.typed[kind] - 1, nil
}

// allow leaves only the allowed tools: what the model does not see it can't call.
func (s *Set) allow(c choice) *hub.Problem {
	switch string(c.mode) {
	case "", "auto":
		s.mode = "auto"
	case "required":
		s.mode = "required"
	default:
		return hub.WrongValue("tool_choice.mode", hub.Quoted(c.mode)+" is none of auto, required.")
	}
	switch {
	case c.tools == nil:
		return hub.Missing("tool_choice.tools")
	case c.tools[0] != '[':
		return hub.WrongType("tool_choice.tools", "a list")
	}
	s.sendNone()
	s.only = true
	s.list.Reset(c.tools)
	n, any := 0, false
	for s.list.BeginArray(); s.list.NextElement(); n++ {
		param := "tool_choice.tools[" + strconv.Itoa(n) + "]"
		if s.list.Kind() != jsonedit.Object {
			return hub.WrongType(param, "an object")
		}
		one := readChoice(&s.small, s.list.Value().Of(c.tools))
		if string(one.kind) == "namespace" {
			any = s.sendNamespace(one.name) || any
			continue
		}
		i, p := s.chosen(one, param)
		switch {
		case p == nil:
			s.all[i].sent, any = true, true
		case p.Code != "unsupported_value": // what was dropped from tools is not missed here
			return p
		}
	}
	switch {
	case n == 0 || n > 128:
		return hub.WrongValue("tool_choice.tools", "a list of 1 to 128 tools was expected.")
	case !any:
		return hub.UnsupportedValue("tool_choice.tools", "none of these tools can be had here.")
	}
	return nil
}

// ChoiceEcho is tool_choice as the client sent it; allowed tools say their mode.
func (s *Set) ChoiceEcho(raw []byte) []byte {
	if !jsonedit.Is(raw, jsonedit.Object) {
		return raw
	}
	c := readChoice(&s.small, raw)
	if string(c.kind) != "allowed_tools" || c.mode != nil {
		return raw
	}
	return jsonedit.PutBetween(nil, `{"type":"allowed_tools","mode":"auto","tools":`, c.tools, "}")
}
