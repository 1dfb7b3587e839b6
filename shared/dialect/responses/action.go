package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// The items of tool_search, local_shell, shell and apply_patch carry what the model wrote
// as JSON, not as text. Arguments that don't fit make an item that the client can answer
// but not act on, with the model's text in it: an empty command, a patch of no file.

// appendAction appends the members that say what is to be done.
func (o *outputItem) appendAction(dst []byte, p *parts.Part, begins bool) []byte {
	arguments := o.arguments()
	switch o.form {
	case &searchForm:
		dst = jsonedit.Put(dst, `,"execution":"client","arguments":`)
		switch {
		case begins:
			return jsonedit.Put(dst, "{}")
		case arguments.Exists():
			return appendStrict(dst, arguments.Raw())
		}
		return append(o.appendRaw(append(dst, '{')), '}')
	case &localShellForm:
		return o.appendLocalShell(dst, arguments)
	case &shellForm:
		return o.appendShell(dst, arguments)
	}
	return o.appendOperation(dst, arguments, p.Cut)
}

// arguments are the open call's as an object, absent where they are none.
func (o *outputItem) arguments() jsonedit.Value {
	if isBlank(o.text) {
		return jsonedit.Known([]byte("{}"))
	}
	v, err := jsonedit.Parse(jsonedit.AppendUnescaped(nil, o.text))
	if err != nil || v.Kind() != jsonedit.Object {
		return jsonedit.Value{}
	}
	return v
}

// appendRaw appends a member with the arguments as the model wrote them. The same name
// is used where such arguments go back to the model.
func (o *outputItem) appendRaw(dst []byte) []byte {
	return append(jsonedit.PutBytes(jsonedit.Put(dst, `"_raw_arguments":"`), o.text), '"')
}

// onlyStrings tells whether a list or object holds strings only.
func onlyStrings(container jsonedit.Value) bool {
	only := true
	container.Each(func(_ []byte, v jsonedit.Value) bool {
		only = v.Kind() == jsonedit.String
		return only
	})
	return only
}

// isCount tells whether a value is a number that any client reads as a count: digits only.
func isCount(raw []byte) bool {
	for _, c := range raw {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(raw) < 16
}

// appendLocalShell: action{type, command[], env{}, timeout_ms?, working_directory?}.
func (o *outputItem) appendLocalShell(dst []byte, arguments jsonedit.Value) []byte {
	var command, env, timeout, directory jsonedit.Value
	arguments.Each(func(key []byte, v jsonedit.Value) bool {
		switch kind := v.Kind(); string(key) {
		case "command":
			if kind == jsonedit.String || kind == jsonedit.Array && onlyStrings(v) {
				command = v
			}
		case "env":
			if kind == jsonedit.Object && onlyStrings(v) {
				env = v
			}
		case "timeout_ms":
			if isCount(v.Raw()) {
				timeout = v
			}
		case "working_directory":
			if kind == jsonedit.String {
				directory = v
			}
		}
		return true
	})
	dst = jsonedit.Put(dst, `,"action":{"type":"exec","command":`)
	switch command.Kind() {
	case jsonedit.String: // a line where a list was asked for
		dst = append(appendStrict(jsonedit.Put(dst, `["bash","-lc",`), command.Raw()), ']')
	case jsonedit.Array:
		dst = appendStrict(dst, command.Raw())
	default:
		dst = jsonedit.Put(dst, "[]")
	}
	dst = jsonedit.Put(dst, `,"env":`)
	if env.Exists() {
		dst = appendStrict(dst, env.Raw())
	} else {
		dst = jsonedit.Put(dst, "{}")
	}
	if timeout.Exists() {
		dst = jsonedit.PutBytes(jsonedit.Put(dst, `,"timeout_ms":`), timeout.Raw())
	}
	if directory.Exists() {
		dst = appendStrict(jsonedit.Put(dst, `,"working_directory":`), directory.Raw())
	}
	if !command.Exists() {
		dst = o.appendRaw(append(dst, ','))
	}
	return append(dst, '}')
}

// appendShell: action{commands[], timeout_ms, max_output_length}, and where it runs.
func (o *outputItem) appendShell(dst []byte, arguments jsonedit.Value) []byte {
	var commands jsonedit.Value
	timeout, length := jsonedit.Known([]byte("null")), jsonedit.Known([]byte("null"))
	arguments.Each(func(key []byte, v jsonedit.Value) bool {
		switch kind := v.Kind(); string(key) {
		case "commands", "command":
			if kind == jsonedit.String || kind == jsonedit.Array && onlyStrings(v) {
				commands = v
			}
		case "timeout_ms":
			if isCount(v.Raw()) {
				timeout = v
			}
		case "max_output_length":
			if isCount(v.Raw()) {
				length = v
			}
		}
		return true
	})
	dst = jsonedit.Put(dst, `,"action":{"commands":`)
	switch commands.Kind() {
	case jsonedit.String: // one where a list was asked for
		dst = append(appendStrict(append(dst, '['), commands.Raw()), ']')
	case jsonedit.Array:
		dst = appendStrict(dst, commands.Raw())
	default:
		dst = jsonedit.Put(dst, "[]")
	}
	dst = jsonedit.PutBytes(jsonedit.Put(dst, `,"timeout_ms":`), timeout.Raw())
	dst = jsonedit.PutBytes(jsonedit.Put(dst, `,"max_output_length":`), length.Raw())
	if !commands.Exists() {
		dst = o.appendRaw(append(dst, ','))
	}
	return jsonedit.Put(dst, `},"environment":{"type":"local"}`)
}

// appendOperation: operation{type, path, diff}, which the model may also have written
// without the object around. A limit may have cut the diff, and the item has no status
// to say so; then it is one that can't be applied.
func (o *outputItem) appendOperation(dst []byte, arguments jsonedit.Value, cut bool) []byte {
	if o := arguments.Get("operation"); o.Kind() == jsonedit.Object {
		arguments = o
	}
	kind, path, diff := arguments.Get("type").Text(), arguments.Get("path"), arguments.Get("diff")
	dst = jsonedit.Put(dst, `,"operation":{"type":"`)
	if path.Kind() == jsonedit.String && !cut {
		switch {
		case kind == "delete_file":
			return append(appendStrict(jsonedit.Put(dst, `delete_file","path":`), path.Raw()), '}')
		case (kind == "create_file" || kind == "update_file") && diff.Kind() == jsonedit.String:
			dst = appendStrict(jsonedit.Put(jsonedit.Put(dst, kind), `","path":`), path.Raw())
			return append(appendStrict(jsonedit.Put(dst, `,"diff":`), diff.Raw()), '}')
		}
	}
	return jsonedit.Put(jsonedit.PutBytes(jsonedit.Put(dst, `update_file","path":"","diff":"`), o.text), `"}`)
}
