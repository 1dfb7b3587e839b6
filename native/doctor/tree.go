package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"

	"github.com/qwenvoy/qwenvoy/native/settings"
)

// Bounds of an Envoy file, so that no file makes the doctor ill.
const (
	maxFile   = 4 << 20
	maxTokens = 64 << 10
	maxDepth  = 200
)

// A node is a value of a YAML or JSON file and the line on which it stands. nil is one that is
// absent, and may be asked like any other. It is read leniently, since Envoy's file is judged
// by Envoy: only what is looked for is looked at.
type node struct {
	file    string
	line    int
	scalar  any // nil, a bool, an int64, uint64, float64 or a string
	keys    []string
	members map[string]*node
	list    []*node
}

// readTree reads the documents of a file.
func readTree(name string) ([]*node, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1)) // a device's size is 0
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes, which no Envoy file has", name, maxFile)
	}
	if line := settings.TooBlank(string(text)); line > 0 {
		return nil, fmt.Errorf("%s:%d: too many blank lines up to here", name, line)
	}
	tokens := lexer.Tokenize(string(text))
	if line := settings.TooMuch(tokens, maxTokens, maxDepth); line > 0 {
		return nil, fmt.Errorf("%s:%d: it holds too much up to here: at most %d words and signs, nested %d deep, are looked at",
			name, line, maxTokens, maxDepth)
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, fmt.Errorf("%s%s", name, syntax(err))
	}
	var documents []*node
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		t := tree{file: name, anchors: map[string]*node{}}
		if n := t.node(d.Body, 0); n != nil {
			documents = append(documents, n)
		}
	}
	return documents, nil
}

// syntax says what the parser found, without the text that it shows: that may hold a key.
func syntax(err error) string {
	var fault yaml.Error
	if errors.As(err, &fault) && fault.GetToken() != nil {
		message, _, _ := strings.Cut(fault.GetMessage(), `"`)
		return fmt.Sprintf(":%d: not valid YAML: %s", fault.GetToken().Position.Line, strings.TrimSpace(message))
	}
	return ": not valid YAML"
}

// A tree makes nodes of one document. What an alias stands for is shared, so that aliases of
// aliases take no memory.
type tree struct {
	file    string
	anchors map[string]*node
}

func (t *tree) node(n ast.Node, depth int) *node {
	if n == nil || depth > maxDepth {
		return nil
	}
	out := &node{file: t.file, line: n.GetToken().Position.Line}
	switch n := n.(type) {
	case *ast.AnchorNode:
		value := t.node(n.Value, depth+1)
		t.anchors[n.Name.GetToken().Value] = value
		return value
	case *ast.AliasNode:
		return t.anchors[n.Value.GetToken().Value]
	case *ast.TagNode:
		return t.node(n.Value, depth+1)
	case ast.MapNode:
		out.members = map[string]*node{}
		for i := n.MapRange(); i.Next(); {
			t.member(out, i.Key(), i.Value(), depth)
		}
	case *ast.SequenceNode:
		out.list = []*node{}
		for _, e := range n.Values {
			out.list = append(out.list, t.node(e, depth+1))
		}
	case *ast.BoolNode:
		out.scalar = n.Value
	case *ast.IntegerNode:
		out.scalar = n.Value
	case *ast.FloatNode:
		out.scalar = n.Value
	case *ast.StringNode:
		out.scalar = n.Value
	case *ast.LiteralNode:
		out.scalar = n.Value.Value
	}
	return out
}

// member adds a key of an object, or those that << merges in and that it doesn't have.
func (t *tree) member(of *node, key ast.MapKeyNode, value ast.Node, depth int) {
	v := t.node(value, depth+1)
	if v == nil {
		return
	}
	if !key.IsMergeKey() {
		of.add(key.GetToken().Value, v)
		return
	}
	for _, merged := range append(v.list, v) {
		for _, k := range merged.names() {
			if of.members[k] == nil {
				of.add(k, merged.members[k])
			}
		}
	}
}

func (n *node) add(key string, value *node) {
	if n.members[key] == nil {
		n.keys = append(n.keys, key)
	}
	n.members[key] = value
}

func (n *node) names() []string {
	if n == nil {
		return nil
	}
	return n.keys
}

// get is the value below a path of keys in Envoy's spelling with underscores; the one with
// capitals, which its JSON has too, is found as well.
func (n *node) get(path ...string) *node {
	for _, key := range path {
		if n == nil {
			return nil
		}
		next := n.members[key]
		if next == nil {
			next = n.members[camel(key)]
		}
		n = next
	}
	return n
}

// camel is a key in the spelling with capitals.
func camel(key string) string {
	words := strings.Split(key, "_")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

func (n *node) items() []*node {
	if n == nil {
		return nil
	}
	return n.list
}

// text is a scalar as it was written, "" for all else.
func (n *node) text() string {
	if n == nil || n.scalar == nil {
		return ""
	}
	return fmt.Sprint(n.scalar)
}

func (n *node) yes() bool { return n.text() == "true" }

// typed tells whether an object's @type ends in a name.
func (n *node) typed(name string) bool {
	return strings.HasSuffix(n.get("@type").text(), name)
}

// duration reads Envoy's and Kubernetes' durations.
func (n *node) duration() (time.Duration, bool) {
	if n.text() == "0" {
		return 0, true
	}
	d, err := time.ParseDuration(n.text())
	return d, err == nil
}

// bytes reads a number of bytes, or a quantity of Kubernetes.
func (n *node) bytes() (int64, bool) {
	text, unit := n.text(), 1.0
	for _, u := range []struct {
		suffix string
		size   float64
	}{{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}} {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			text, unit = rest, u.size
			break
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || v < 0 || v*unit > math.MaxInt64/2 {
		return 0, false
	}
	return int64(v * unit), true
}

// where is the file and line of a node.
func (n *node) where() string {
	if n == nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", n.file, n.line)
}

// walk visits a node and all below it, each once. Visit says whether to go further down.
func (n *node) walk(visit func(*node) bool) { n.each(map[*node]bool{}, visit) }

func (n *node) each(seen map[*node]bool, visit func(*node) bool) {
	if n == nil || seen[n] {
		return
	}
	seen[n] = true
	if !visit(n) {
		return
	}
	for _, k := range n.keys {
		n.members[k].each(seen, visit)
	}
	for _, e := range n.list {
		e.each(seen, visit)
	}
}

// json is the value as JSON, as Istio hands a plugin's configuration over, up to a bound.
func (n *node) json() ([]byte, error) {
	steps := 0
	out := n.appendJSON(nil, &steps)
	if len(out) > maxFile {
		return nil, errors.New("with its aliases written out it is too large")
	}
	return out, nil
}

func (n *node) appendJSON(out []byte, steps *int) []byte {
	if *steps++; n == nil || *steps > maxFile || len(out) > maxFile {
		return append(out, "null"...)
	}
	switch {
	case n.members != nil:
		out = append(out, '{')
		for i, k := range n.keys {
			if i > 0 {
				out = append(out, ',')
			}
			key, _ := json.Marshal(k)
			out = append(append(out, key...), ':')
			out = n.members[k].appendJSON(out, steps)
		}
		return append(out, '}')
	case n.list != nil:
		out = append(out, '[')
		for i, e := range n.list {
			if i > 0 {
				out = append(out, ',')
			}
			out = e.appendJSON(out, steps)
		}
		return append(out, ']')
	}
	value, err := json.Marshal(n.scalar)
	if err != nil {
		return append(out, "null"...)
	}
	return append(out, value...)
}
