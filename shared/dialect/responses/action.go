package responses

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// The items of tool_search, local_shell, shell and apply_patch carry what the model wrote
// as JSON, not as text. Arguments that don't fit make an item that the client can answer
// but not act on, with the model's text in it: an empty command, a patch of no file.

// appendAction appends the members that say what is to be done.
func (w *writer) appendAction(dst []byte, p *parts.Part, begins bool) []byte {
	arguments, ok := w.arguments()
	switch w.form {
	case &searchForm:
		dst = append(dst, `,"execution":"client","arguments":`...)
		switch {
		case begins:
			return append(dst, "{}"...)
		case ok:
			return appendLine(dst, arguments)
		}
		return append(w.appendRaw(append(dst, '{')), '}')
	case &localShellForm:
		return w.appendLocalShell(dst, arguments, ok)
	case &shellForm:
		return w.appendShell(dst, arguments, ok)
	}
	return w.appendOperation(dst, arguments, ok && !p.Cut)
}

// arguments are the open call's as JSON; ok is false where they are no object.
func (w *writer) arguments() (object []byte, ok bool) {
	object = bytes.TrimPrefix(jsonedit.AppendUnescaped(nil, w.text), []byte("\uFEFF"))
	if isBlank(w.text) {
		return []byte("{}"), true
	}
	var s jsonedit.Scanner
	s.Reset(object)
	ok = s.Kind() == jsonedit.Object
	s.Value()
	return object, ok && s.Finish() == nil
}

// appendRaw appends a member with the arguments as the model wrote them. The same name
// is used where such arguments go back to the model.
func (w *writer) appendRaw(dst []byte) []byte {
	return append(append(append(dst, `"_raw_arguments":"`...), w.text...), '"')
}

// members walks an object that has passed the Scanner.
func members(object []byte, visit func(key string, kind jsonedit.Kind, value []byte)) {
	var s jsonedit.Scanner
	s.Reset(object)
	for s.BeginObject(); s.NextMember(); {
		key, kind := string(s.Key()), s.Kind()
		visit(key, kind, s.Value().Of(object))
	}
}

// onlyStrings tells whether a list or object holds strings only.
func onlyStrings(container []byte) bool {
	var s jsonedit.Scanner
	s.Reset(container)
	if s.Kind() == jsonedit.Array {
		for s.BeginArray(); s.NextElement(); s.Value() {
			if s.Kind() != jsonedit.String {
				return false
			}
		}
		return true
	}
	for s.BeginObject(); s.NextMember(); s.Value() {
		if s.Kind() != jsonedit.String {
			return false
		}
	}
	return true
}

// isCount tells whether a number is one that a client can read as such: digits only.
func isCount(number []byte) bool {
	for _, c := range number {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(number) < 16
}

// appendLocalShell: action{type, command[], env{}, timeout_ms?, working_directory?}.
func (w *writer) appendLocalShell(dst, arguments []byte, ok bool) []byte {
	var command, env, timeout, directory []byte
	shell := false
	if ok {
		members(arguments, func(key string, kind jsonedit.Kind, value []byte) {
			switch {
			case key == "command" && (kind == jsonedit.String || kind == jsonedit.Array && onlyStrings(value)):
				command, shell = value, kind == jsonedit.String
			case key == "env" && kind == jsonedit.Object && onlyStrings(value):
				env = value
			case key == "timeout_ms" && kind == jsonedit.Number && isCount(value):
				timeout = value
			case key == "working_directory" && kind == jsonedit.String:
				directory = value
			}
		})
	}
	dst = append(dst, `,"action":{"type":"exec","command":`...)
	switch {
	case shell: // a line where a list was asked for
		dst = append(appendLine(append(dst, `["bash","-lc",`...), command), ']')
	case command != nil:
		dst = appendLine(dst, command)
	default:
		dst = append(dst, "[]"...)
	}
	dst = append(dst, `,"env":`...)
	if env == nil {
		env = []byte("{}")
	}
	dst = appendLine(dst, env)
	if timeout != nil {
		dst = append(append(dst, `,"timeout_ms":`...), timeout...)
	}
	if directory != nil {
		dst = appendLine(append(dst, `,"working_directory":`...), directory)
	}
	if command == nil {
		dst = w.appendRaw(append(dst, ','))
	}
	return append(dst, '}')
}

// appendShell: action{commands[], timeout_ms, max_output_length}, and where it runs.
func (w *writer) appendShell(dst, arguments []byte, ok bool) []byte {
	var commands []byte
	timeout, length := []byte("null"), []byte("null")
	if ok {
		members(arguments, func(key string, kind jsonedit.Kind, value []byte) {
			switch {
			case key == "commands" && kind == jsonedit.Array && onlyStrings(value):
				commands = value
			case (key == "commands" || key == "command") && kind == jsonedit.String:
				commands = append(append([]byte{'['}, value...), ']')
			case key == "timeout_ms" && kind == jsonedit.Number && isCount(value):
				timeout = value
			case key == "max_output_length" && kind == jsonedit.Number && isCount(value):
				length = value
			}
		})
	}
	dst = append(dst, `,"action":{"commands":`...)
	if commands == nil {
		dst = append(dst, "[]"...)
	} else {
		dst = appendLine(dst, commands)
	}
	dst = append(append(dst, `,"timeout_ms":`...), timeout...)
	dst = append(append(dst, `,"max_output_length":`...), length...)
	if commands == nil {
		dst = w.appendRaw(append(dst, ','))
	}
	return append(dst, `},"environment":{"type":"local"}`...)
}

// appendOperation: operation{type, path, diff}, which the model may also have written
// without the object around.
func (w *writer) appendOperation(dst, arguments []byte, ok bool) []byte {
	kind, path, diff := []byte(nil), []byte(nil), []byte(nil)
	var read func(object []byte, nested bool)
	read = func(object []byte, nested bool) {
		members(object, func(key string, k jsonedit.Kind, value []byte) {
			switch {
			case key == "operation" && k == jsonedit.Object && !nested:
				kind, path, diff = nil, nil, nil
				read(value, true)
			case k != jsonedit.String:
			case key == "type":
				kind = value
			case key == "path":
				path = value
			case key == "diff":
				diff = value
			}
		})
	}
	if ok {
		read(arguments, false)
	}
	dst = append(dst, `,"operation":{"type":`...)
	switch string(kind) {
	case `"delete_file"`:
		if path != nil {
			return append(appendLine(append(dst, `"delete_file","path":`...), path), '}')
		}
	case `"create_file"`, `"update_file"`:
		if path != nil && diff != nil {
			dst = appendLine(append(append(dst, kind...), `,"path":`...), path)
			return append(appendLine(append(dst, `,"diff":`...), diff), '}')
		}
	}
	return append(append(append(dst, `"update_file","path":"","diff":"`...), w.text...), `"}`...)
}
