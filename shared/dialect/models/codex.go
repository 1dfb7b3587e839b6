package models

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// AsksForCatalog tells whether a query is Codex's: it names the version of the client that wants
// to know which tools, levels and instructions go with each model.
func AsksForCatalog(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		if key, _, _ := strings.Cut(pair, "="); key == "client_version" {
			return true
		}
	}
	return false
}

// Catalog is the dialect of GET /v1/models for Codex.
var Catalog hub.Dialect = codex{}

type codex struct{ Dialect }

// Reply implements hub.Dialect.
func (codex) Reply(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	return AppendCatalog(dst, body, t.Catalog)
}

// AppendCatalog appends one object that is two lists: data, as OpenAI's clients read it, and
// models, Codex's catalogue. Codex refuses the whole of it for one field that is missing.
func AppendCatalog(dst, body []byte, c *catalog.Catalog) ([]byte, *hub.Problem) {
	_, entry, p := served(body, c)
	if p != nil {
		return dst, p
	}
	var names []string
	if entry != nil {
		names = c.Listed()
	}
	dst = jsonedit.Put(dst, `{"object":"list","data":[`)
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendEntry(dst, entry, c, name)
	}
	dst = jsonedit.Put(dst, `],"models":`)
	return append(appendCodexModels(dst, entry, c, names), '}'), nil
}

// CatalogTag names what a configuration makes of Codex's catalogue: another one means that it is
// to be asked for again. It is a weak one: what the server says of its models is not in it.
func CatalogTag(c *catalog.Catalog) string {
	h := fnv.New64a()
	_, _ = h.Write(appendCodexModels(nil, nil, c, c.Listed()))
	return `W/"` + strconv.FormatUint(h.Sum64(), 16) + `"`
}

// appendCodexModels appends the catalogue. What is a model that stands before it by another name
// is hidden: it may be asked for, and does not stand in the list twice that people choose from.
func appendCodexModels(dst, entry []byte, c *catalog.Catalog, names []string) []byte {
	dst = append(dst, '[')
	var shown []*catalog.Model
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		m := c.Resolve([]byte(name))
		visibility := "list"
		if slices.ContainsFunc(shown, m.Same) {
			visibility = "hide"
		}
		shown = append(shown, m)
		dst = appendCodexModel(dst, m, name, visibility, i, window(entry, c))
	}
	return append(dst, ']')
}

// forCodex are members of an entry that are the same for all: it runs commands and edits files by
// the tools of its newest models, and a server of Qwen's knows nothing of verbosity.
const forCodex = `"shell_type":"unified_exec","apply_patch_tool_type":"freeform","supported_in_api":true,"support_verbosity":false,` +
	`"truncation_policy":{"mode":"tokens","limit":10000},"experimental_supported_tools":[],"base_instructions":`

// appendCodexModel appends an entry of the catalogue, as Codex 0.171 reads it. place is that in
// the list; the first model for code goes before all others.
func appendCodexModel(dst []byte, m *catalog.Model, name, visibility string, place int, window int64) []byte {
	dst = jsonedit.AppendQuoted(jsonedit.Put(dst, `{"slug":`), name)
	dst = jsonedit.AppendQuoted(jsonedit.Put(dst, `,"display_name":`), name)
	dst = jsonedit.AppendQuoted(jsonedit.Put(dst, `,"description":`), m.Target.Model+", "+m.Profile)
	dst = jsonedit.AppendQuoted(jsonedit.Put(dst, `,"visibility":`), visibility)
	priority := place + 1
	if m.Profile == "thinking-coding" {
		priority = 0
	}
	dst = strconv.AppendInt(jsonedit.Put(dst, `,"priority":`), int64(priority), 10)
	levels, usual := m.Levels()
	dst = jsonedit.Put(dst, `,"supported_reasoning_levels":[`)
	for i, level := range levels {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsonedit.AppendQuoted(jsonedit.Put(dst, `{"effort":`), level)
		dst = append(jsonedit.AppendQuoted(jsonedit.Put(dst, `,"description":`), described(level, levels)), '}')
	}
	dst = append(dst, ']')
	if usual != "" {
		dst = jsonedit.AppendQuoted(jsonedit.Put(dst, `,"default_reasoning_level":`), usual)
	}
	if input := m.Target.Generation.Input(); input != "" {
		dst = jsonedit.Put(jsonedit.Put(dst, `,"input_modalities":`), input)
	}
	if window > 0 {
		dst = strconv.AppendInt(jsonedit.Put(dst, `,"context_window":`), window, 10)
		dst = strconv.AppendInt(jsonedit.Put(dst, `,"max_context_window":`), window, 10)
		dst = strconv.AppendInt(jsonedit.Put(dst, `,"auto_compact_token_limit":`), window-roomForAnswer(window), 10)
	}
	dst = jsonedit.AppendQuoted(jsonedit.Put(append(dst, ','), forCodex), instructions)
	return append(dst, '}')
}

// roomForAnswer is what of a window is left for thinking and an answer when a conversation is made
// shorter: the tenth that Codex leaves at least, and more of a small one.
func roomForAnswer(window int64) int64 { return max(window/10, min(8192, window/4)) }

// described says what a level means, to people.
func described(level string, levels []string) string {
	switch {
	case level == "none":
		return "Answers without thinking"
	case len(levels) == 2:
		return "Thinks before it answers"
	case level == levels[len(levels)-1]:
		return "Thinks as long as it takes"
	case level == "minimal", level == "low":
		return "Thinks little"
	}
	return "Thinks more"
}
