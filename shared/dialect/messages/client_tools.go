package messages

import "strings"

// A clientTool is one of the tools that Anthropic defined and the client runs: for a
// chat model a function like any other.
type clientTool struct {
	name, description, schema string
}

const (
	bashSchema = `{"type":"object","properties":{"command":{"type":"string","description":"The bash command ` +
		`to run. Required unless the tool is being restarted."},` +
		`"restart":{"type":"boolean","description":"true restarts the session."}}}`
	editorPath = `"path":{"type":"string","description":"Absolute path to the file or directory."},` +
		`"file_text":{"type":"string","description":"Required by create: the content of the new file."},` +
		`"old_str":{"type":"string","description":"Required by str_replace: the text to replace, exactly as ` +
		`it stands in the file; it must stand there once."},` +
		`"insert_line":{"type":"integer","description":"Required by insert: the line after which the text is ` +
		`inserted, 0 for the beginning of the file."},` +
		`"view_range":{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":2,"description":"For ` +
		`view of a file: the first and last line to show, counted from 1; -1 as the last is the end of the file."},`
	oldEditorSchema = `{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert",` +
		`"undo_edit"],"description":"What to do."},` + editorPath +
		`"new_str":{"type":"string","description":"For str_replace, the text that takes its place; required ` +
		`by insert: the text to insert."}},"required":["command","path"]}`
	editorSchema = `{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert"],` +
		`"description":"What to do."},` + editorPath +
		`"new_str":{"type":"string","description":"For str_replace: the text that takes its place."},` +
		`"insert_text":{"type":"string","description":"Required by insert: the text to insert."}},"required":["command","path"]}`
	memorySchema = `{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert","delete",` +
		`"rename"],"description":"What to do."},` +
		`"path":{"type":"string","description":"Path under /memories; required by all commands but rename."},` +
		`"view_range":{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":2,"description":"For ` +
		`view of a file: the first and last line to show."},` +
		`"file_text":{"type":"string","description":"Required by create: the content of the file."},` +
		`"old_str":{"type":"string","description":"Required by str_replace: the text to replace."},` +
		`"new_str":{"type":"string","description":"Required by str_replace: the text that takes its place."},` +
		`"insert_line":{"type":"integer","description":"Required by insert: the line after which the text is inserted."},` +
		`"insert_text":{"type":"string","description":"Required by insert: the text to insert."},` +
		`"old_path":{"type":"string","description":"Required by rename: the present path."},` +
		`"new_path":{"type":"string","description":"Required by rename: the new path."}},"required":["command"]}`
	editorText = "View, create and edit text files. view shows a file with line numbers, or the files of a directory; " +
		"create writes a new file; str_replace replaces a text that stands once in a file; insert inserts text after a line."
)

// Fields as the Anthropic API reference and anthropic-sdk-go give them. The text editors
// up to 2025-01-24 can undo, and take inserted text as new_str.
var (
	bashTool      = &clientTool{"bash", "Run commands in a bash shell. The session keeps its state from one command to the next.", bashSchema}
	oldEditorTool = &clientTool{"str_replace_editor", editorText + " undo_edit takes back the last edit of a file.", oldEditorSchema}
	editorTool    = &clientTool{"str_replace_based_edit_tool", editorText, editorSchema}
	memoryTool    = &clientTool{"memory", "Keep notes in files under /memories, which stay from one conversation to the next. " +
		"view shows a file or a directory; create writes a file; " +
		"str_replace and insert change one; delete and rename work on files and directories.", memorySchema}
)

// findClientTool knows the tools by their types, whatever date these bear; zoom is the
// computer's.
func findClientTool(kind string, zoom bool) *clientTool {
	switch {
	case strings.HasPrefix(kind, "bash_20"):
		return bashTool
	case kind == "text_editor_20241022", kind == "text_editor_20250124":
		return oldEditorTool
	case strings.HasPrefix(kind, "text_editor_20"):
		return editorTool
	case strings.HasPrefix(kind, "memory_20"):
		return memoryTool
	}
	return computerTool(kind, zoom)
}
