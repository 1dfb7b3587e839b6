package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// fields is a request's JSON object; of duplicate keys the last counts, as in
// Python.
type fields map[string]json.RawMessage

// readFields reads the body of a POST as FastAPI does. Where that fails it has
// answered, and ok is false.
func readFields(w http.ResponseWriter, r *http.Request) (f fields, ok bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, false // the client is gone
	}
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/json" {
		writeError(w, &apiError{
			Message: "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
			Type:    "Bad Request", Code: http.StatusBadRequest,
		})
		return nil, false
	}
	if len(body) == 0 {
		writeError(w, invalid(fault{"missing", "body", "Field required", "None", ""}))
		return nil, false
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(body) {
		writeDetail(w, http.StatusBadRequest, "There was an error parsing the body")
		return nil, false
	}
	var raw json.RawMessage
	if json.Unmarshal(body, &raw) != nil {
		writeError(w, invalidJSON(body))
		return nil, false
	}
	if json.Unmarshal(body, &f) != nil || f == nil {
		writeError(w, invalid(notObject("body", raw)))
		return nil, false
	}
	return f, true
}

// fault is one entry of a pydantic validation error.
type fault struct {
	kind, at, message, input string
	ctx                      string // as Python writes the dict; "" for none
}

// notObject is the fault of a value that is no JSON object.
func notObject(at string, value json.RawMessage) fault {
	return fault{"model_attributes_type", at, "Input should be a valid dictionary or object to extract fields from", shown(value), ""}
}

// notLiteral is the fault of a value that is not what it must be, as Python writes that.
func notLiteral(at, want string, value json.RawMessage) fault {
	return fault{"literal_error", at, "Input should be " + want, shown(value), "{'expected': " + pyString(want) + "}"}
}

// longestFaults is how many faults vLLM lists before it only counts.
const longestFaults = 10

func invalid(faults ...fault) *apiError {
	var b strings.Builder
	plural := "s"
	if len(faults) == 1 {
		plural = ""
	}
	fmt.Fprintf(&b, "%d validation error%s:", len(faults), plural)
	for i, f := range faults {
		if i == longestFaults {
			fmt.Fprintf(&b, "\n  ...and %d more errors", len(faults)-i)
			break
		}
		fmt.Fprintf(&b, "\n  {'type': %s, 'loc': %s, 'msg': %s, 'input': %s",
			pyString(f.kind), pyString(f.at), pyString(f.message), pyString(f.input))
		if f.ctx != "" {
			b.WriteString(", 'ctx': " + f.ctx)
		}
		b.WriteString("}")
	}
	return &apiError{Message: b.String(), Type: "Bad Request", Param: &faults[0].at, Code: http.StatusBadRequest}
}

// invalidJSON says where JSON breaks off, in the words of Python's decoder as
// far as Go's error tells.
func invalidJSON(body []byte) *apiError {
	at, message := len(body), "Expecting value"
	// Where the text ends too early the decoder says what it wants there only of a byte,
	// so it gets one that can't be right anywhere.
	var v any
	se, ok := json.Unmarshal(append(body[:len(body):len(body)], 0), &v).(*json.SyntaxError)
	if ok {
		at = min(int(se.Offset)-1, len(body))
		switch text := se.Error(); {
		case strings.Contains(text, "beginning of object key"):
			message = "Expecting property name enclosed in double quotes"
		case strings.Contains(text, "after object key:value pair"), strings.Contains(text, "after array element"):
			message = "Expecting ',' delimiter"
		case strings.Contains(text, "after object key"):
			message = "Expecting ':' delimiter"
		case strings.Contains(text, "after top-level value"):
			message = "Extra data"
		case at == len(body) && (strings.Contains(text, "in string literal") || strings.Contains(text, "in string escape code")):
			message, at = "Unterminated string starting at", lastString(body)
		case strings.Contains(text, "in string literal"):
			message = "Invalid control character at"
		case strings.Contains(text, "in string escape code"):
			message, at = "Invalid \\escape", at-1
		case strings.Contains(text, "hexadecimal character escape"):
			message, at = "Invalid \\uXXXX escape", bytes.LastIndexByte(body[:at], '\\')+1
		case strings.Contains(text, "in literal"):
			at = len(bytes.TrimRight(body[:at], "aeflnrstu"))
		}
	}
	at = utf8.RuneCount(body[:at])
	return invalid(fault{"json_invalid", "body." + strconv.Itoa(at),
		"JSON decode error", "<dict of 0 items>", "{'error': " + pyString(message) + "}"})
}

// lastString is where the last string of the JSON text begins.
func lastString(body []byte) (start int) {
	inside := false
	for i := 0; i < len(body); i++ {
		switch {
		case body[i] == '"' && !inside:
			start, inside = i, true
		case body[i] == '"':
			inside = false
		case body[i] == '\\' && inside:
			i++
		}
	}
	return start
}

// pyString writes s as Python's repr does.
func pyString(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	return quote + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, quote, `\`+quote).Replace(s) + quote
}

// shown is how an error shows an input: text and numbers as they are,
// containers by their size.
func shown(v json.RawMessage) string {
	switch kindOf(v) {
	case '{':
		var m fields
		json.Unmarshal(v, &m)
		return fmt.Sprintf("<dict of %d items>", len(m))
	case '[':
		var l []json.RawMessage
		json.Unmarshal(v, &l)
		return fmt.Sprintf("<list of %d items>", len(l))
	case '"':
		return text(v)
	case 't':
		return "True"
	case 'f':
		return "False"
	case 'n':
		return "None"
	}
	return string(v)
}

// kindOf is the first byte of a JSON value, '0' for every number and 'n' for
// null and a value that isn't there.
func kindOf(v json.RawMessage) byte {
	v = bytes.TrimLeft(v, " \t\r\n")
	if len(v) == 0 {
		return 'n'
	}
	if c := v[0]; c != '-' && (c < '0' || c > '9') {
		return c
	}
	return '0'
}

func (f fields) has(name string) bool { return kindOf(f[name]) != 'n' }

func text(v json.RawMessage) string {
	var s string
	json.Unmarshal(v, &s)
	return s
}

func (f fields) text(name string) string { return text(f[name]) }

// number reads a number as pydantic does: from a number, a string or a bool.
func number(v json.RawMessage) (n float64, ok bool) {
	switch kindOf(v) {
	case '0':
		return n, json.Unmarshal(v, &n) == nil
	case '"':
		n, err := strconv.ParseFloat(strings.TrimSpace(text(v)), 64)
		return n, err == nil
	case 't':
		return 1, true
	case 'f':
		return 0, true
	}
	return 0, false
}

func (f fields) number(name string) (float64, bool) { return number(f[name]) }

func (f fields) flag(name string, preset bool) bool {
	switch kindOf(f[name]) {
	case 'n':
		return preset
	case '"':
		return truthy[strings.ToLower(f.text(name))] == 1
	}
	n, _ := f.number(name)
	return n == 1
}

// truthy is what pydantic takes for a bool: 1 is true, -1 is false.
var truthy = map[string]int{
	"true": 1, "t": 1, "yes": 1, "y": 1, "on": 1, "1": 1,
	"false": -1, "f": -1, "no": -1, "n": -1, "off": -1, "0": -1,
}

func (f fields) object(name string) fields {
	var o fields
	json.Unmarshal(f[name], &o)
	return o
}

func list(v json.RawMessage) []json.RawMessage {
	var l []json.RawMessage
	json.Unmarshal(v, &l)
	return l
}

// checkTypes lists the fields whose values are of a wrong type. types is
// "name:type" by the order in which faults are reported; null is allowed.
func (f fields) checkTypes(types ...string) (faults []fault) {
	for _, nt := range types {
		name, kind, _ := strings.Cut(nt, ":")
		v, at := f[name], "body."+name
		k := kindOf(v)
		if k == 'n' {
			continue
		}
		add := func(kind, message string) {
			faults = append(faults, fault{kind, at, message, shown(v), ""})
		}
		switch kind {
		case "float":
			if _, ok := number(v); ok {
				break
			}
			if k == '"' {
				add("float_parsing", "Input should be a valid number, unable to parse string as a number")
			} else {
				add("float_type", "Input should be a valid number")
			}
		case "int":
			n, ok := number(v)
			switch {
			case ok && n == float64(int64(n)):
			case k == '"':
				add("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
			case ok:
				add("int_from_float", "Input should be a valid integer, got a number with a fractional part")
			default:
				add("int_type", "Input should be a valid integer")
			}
		case "bool":
			n, ok := number(v)
			switch {
			case k == '"' && truthy[strings.ToLower(text(v))] != 0:
			case k != '"' && ok && (n == 0 || n == 1):
			case k == '"' || k == '0':
				add("bool_parsing", "Input should be a valid boolean, unable to interpret input")
			default:
				add("bool_type", "Input should be a valid boolean")
			}
		case "string":
			if k != '"' {
				add("string_type", "Input should be a valid string")
			}
		case "dict":
			if k != '{' {
				add("dict_type", "Input should be a valid dictionary")
			}
		case "list":
			if k != '[' {
				add("list_type", "Input should be a valid list")
			}
		}
	}
	return faults
}
