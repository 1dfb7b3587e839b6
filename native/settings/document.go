package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// Bounds of a document, so that a small file can't take much memory or time. The library's
// time grows with the square of an object's keys, of the depth and of the blank lines that
// end a block of text.
const (
	maxTokens = 32 << 10
	maxDepth  = 64
	maxBlank  = 1000
)

// A document is a YAML or JSON text as JSON, aliases written out, and where in the text what
// stands. It is kept to the text's tree: the library's own conversion writes aliases of
// aliases out without a bound, and knows no lines afterwards.
type document struct {
	json  []byte // nil if the text can't be read
	lines map[string]int
	// faults are those of the text; the values that have them are null.
	faults []textFault

	anchors map[string]ast.Node
	depth   int
	steps   int // nodes that were visited, those behind aliases each time
	full    bool
}

// A textFault never holds a piece of the text, which may be a key.
type textFault struct {
	line       int // 0: the whole
	path, text string
}

// lineEnds makes all line ends those of Unix, as YAML reads them.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// parse reads a text.
func parse(text []byte) *document {
	d := &document{lines: map[string]int{}, anchors: map[string]ast.Node{}}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) {
		d.fault(1+bytes.Count(text[:invalid(text)], []byte("\n")), "", "the file is not UTF-8 text")
		return d
	}
	lines := lineEnds.Replace(string(text))
	if line := TooBlank(lines); line > 0 {
		d.fault(line, "", "the file has more than %d blank lines up to here, which no configuration has", maxBlank)
		return d
	}
	tokens := lexer.Tokenize(lines)
	if line := TooMuch(tokens, maxTokens, maxDepth); line > 0 {
		d.fault(line, "", "the file holds too much up to here: at most %d words and signs, nested %d deep, are allowed", maxTokens, maxDepth)
		return d
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return d
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if _, directive := doc.Body.(*ast.DirectiveNode); doc.Body == nil || directive {
			continue
		}
		if body != nil {
			d.fault(doc.Body.GetToken().Position.Line, "", "a second document begins here, one is allowed")
			return d
		}
		body = doc.Body
	}
	if body != nil {
		d.lines[""] = body.GetToken().Position.Line
	}
	d.value("", body)
	if d.full {
		d.json = nil
		d.fault(0, "", "with its aliases written out the file has more than %d bytes, which no configuration has", config.MaxText)
	}
	return d
}

func (d *document) fault(line int, path, format string, args ...any) {
	d.faults = append(d.faults, textFault{line, path, fmt.Sprintf(format, args...)})
}

// syntax adds the parser's fault. Its own form shows lines of the text.
func (d *document) syntax(err error) {
	line, message := 1, ""
	var fault yaml.Error
	if errors.As(err, &fault) && fault.GetToken() != nil {
		line = fault.GetToken().Position.Line
		message, _, _ = strings.Cut(fault.GetMessage(), `"`) // what it quotes is of the text
	}
	d.fault(line, "", "not valid YAML: %s", strings.TrimSpace(message))
}

// invalid is where the first byte stands that is not UTF-8.
func invalid(text []byte) int {
	i := 0
	for i < len(text) {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		i += n
	}
	return i
}

// TooBlank is the line on which a YAML text has had too many blank ones in a row, 0 if it hasn't:
// the parser takes the square of them.
func TooBlank(text string) int {
	line, blank := 0, 0
	for l := range strings.Lines(text) {
		line++
		if blank++; strings.TrimSpace(l) != "" {
			blank = 0
		}
		if blank > maxBlank {
			return line
		}
	}
	return 0
}

// TooMuch is the line on which a YAML text goes beyond so many tokens or so deep, 0 if it doesn't:
// the parser takes the square of the depth.
func TooMuch(tokens token.Tokens, most, deep int) int {
	flow, opened, line := 0, 0, 0
	for i, t := range tokens {
		if t.Position.Line != line {
			line, opened = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType: // those of one line hold each other
			opened++
		}
		if i == most || flow > deep || opened > deep {
			return line
		}
	}
	return 0
}

// enter begins with a node, if the bounds allow another; leave ends it.
func (d *document) enter(path string, n ast.Node) bool {
	if d.steps++; d.steps > 4*maxTokens || len(d.json) > config.MaxText {
		d.full = true
	}
	if d.full {
		return false
	}
	if d.depth == maxDepth {
		d.fault(n.GetToken().Position.Line, path, "values are nested more than %d deep here", maxDepth)
		return false
	}
	d.depth++
	return true
}

func (d *document) leave() { d.depth-- }

// value writes a node as JSON.
func (d *document) value(path string, n ast.Node) {
	if !d.enter(path, n) {
		d.json = append(d.json, "null"...)
		return
	}
	d.write(path, n)
	d.leave()
}

func (d *document) write(path string, n ast.Node) {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		d.json = append(d.json, "null"...)
	case *ast.AnchorNode:
		d.value(path, n.Value)
		d.anchors[n.Name.GetToken().Value] = n.Value // from here on, so that none holds itself
	case *ast.AliasNode:
		of, ok := d.anchors[n.Value.GetToken().Value]
		if !ok {
			d.refuse(path, n, "an alias (*) without an anchor (&) before it; a text that begins with * needs quotes")
			return
		}
		d.value(path, of)
	case *ast.TagNode:
		d.refuse(path, n, "tags (!) are not allowed here; a text that begins with ! needs quotes")
	case ast.MapNode:
		d.object(path, n)
	case *ast.SequenceNode:
		d.json = append(d.json, '[')
		for i, e := range n.Values {
			if i > 0 {
				d.json = append(d.json, ',')
			}
			at := fmt.Sprintf("%s[%d]", path, i)
			d.lines[at] = e.GetToken().Position.Line
			d.value(at, e)
		}
		d.json = append(d.json, ']')
	case *ast.BoolNode:
		d.json = strconv.AppendBool(d.json, n.Value)
	case *ast.IntegerNode:
		d.json = fmt.Append(d.json, n.Value)
	case *ast.FloatNode:
		d.json = strconv.AppendFloat(d.json, n.Value, 'g', -1, 64)
	case *ast.StringNode:
		d.string(n.Value)
	case *ast.LiteralNode:
		d.string(n.Value.Value)
	case *ast.InfinityNode, *ast.NanNode: // JSON has none
		d.string(n.GetToken().Value)
	default:
		d.refuse(path, n, "this is not understood")
	}
}

// refuse writes null in the place of what has a fault.
func (d *document) refuse(path string, n ast.Node, format string, args ...any) {
	d.fault(n.GetToken().Position.Line, path, format, args...)
	d.json = append(d.json, "null"...)
}

func (d *document) string(s string) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // strings can be encoded
	d.json = append(d.json, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}

// A member is a key of an object with its value.
type member struct {
	key   string
	line  int
	value ast.Node
}

func (d *document) object(path string, n ast.MapNode) {
	d.json = append(d.json, '{')
	for i, m := range d.members(path, n) {
		if d.full {
			return
		}
		if i > 0 {
			d.json = append(d.json, ',')
		}
		d.string(m.key)
		d.json = append(d.json, ':')
		at := config.Below(path, m.key)
		d.lines[at] = m.line
		d.value(at, m.value)
	}
	d.json = append(d.json, '}')
}

// members are an object's own, and those that it merges in (<<) and doesn't have itself.
func (d *document) members(path string, n ast.MapNode) (members []member) {
	has := map[string]bool{}
	var merged []ast.Node
	for i := n.MapRange(); i.Next(); {
		key, value := i.Key(), i.Value()
		if key.IsMergeKey() {
			merged = append(merged, value)
			continue
		}
		text, ok := keyText(key)
		if !ok {
			d.fault(key.GetToken().Position.Line, path, "a key is a word here, no alias, tag, list or object")
			continue
		}
		has[text] = true
		members = append(members, member{text, key.GetToken().Position.Line, value})
	}
	for _, m := range merged {
		for _, more := range d.merged(path, m) {
			if !has[more.key] {
				has[more.key] = true
				members = append(members, more)
			}
		}
	}
	return members
}

// merged are the members of what stands behind <<: an object, or several.
func (d *document) merged(path string, n ast.Node) (members []member) {
	if !d.enter(path, n) {
		return nil
	}
	defer d.leave()
	switch n := n.(type) {
	case *ast.AnchorNode:
		members = d.merged(path, n.Value)
		d.anchors[n.Name.GetToken().Value] = n.Value
	case *ast.AliasNode:
		if of, ok := d.anchors[n.Value.GetToken().Value]; ok {
			return d.merged(path, of)
		}
		d.fault(n.GetToken().Position.Line, path, "an alias (*) without an anchor (&) before it")
	case ast.MapNode:
		return d.members(path, n)
	case *ast.SequenceNode:
		for _, e := range n.Values {
			members = append(members, d.merged(path, e)...)
			d.steps += len(members)
		}
	default:
		d.fault(n.GetToken().Position.Line, path, "<< takes an object, or a list of objects")
	}
	return members
}

func keyText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.MappingKeyNode:
		return keyText(n.Value)
	case *ast.AnchorNode:
		return keyText(n.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}
