package responses

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/history"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// The members of an item that are read.
const (
	itemType = iota
	itemRole
	itemID
	itemCallID
	itemName
	itemNamespace
	itemContent // these three may be lists of parts
	itemSummary
	itemOutput
	itemEncrypted
	itemArguments
	itemInput
	itemAction
	itemOperation
	itemStatus
	itemServer
	itemTools
	itemKeys
)

var itemNames = [itemKeys]string{"type", "role", "id", "call_id", "name", "namespace", "content", "summary", "output",
	"encrypted_content", "arguments", "input", "action", "operation", "status", "server_label", "tools"}

func itemKey(key []byte) int {
	switch string(key) {
	case "type":
		return itemType
	case "role":
		return itemRole
	case "id":
		return itemID
	case "call_id":
		return itemCallID
	case "name":
		return itemName
	case "namespace":
		return itemNamespace
	case "content":
		return itemContent
	case "summary":
		return itemSummary
	case "output":
		return itemOutput
	case "encrypted_content":
		return itemEncrypted
	case "arguments":
		return itemArguments
	case "input":
		return itemInput
	case "action":
		return itemAction
	case "operation":
		return itemOperation
	case "status":
		return itemStatus
	case "server_label":
		return itemServer
	case "tools":
		return itemTools
	}
	return -1
}

// elsewhere is the index of an item that is not of the request's own input.
const elsewhere = -1

// item is where one item and its members stand in src.
type item struct {
	src    []byte
	at     jsonedit.CompactSpan
	list   string // the request's member that it stands in
	index  int    // in that list, or elsewhere
	fields [itemKeys]jsonedit.CompactSpan
	// lists are the parts of content, summary and output where those are lists.
	lists [3]jsonedit.CompactSpan
	tools jsonedit.CompactSpan
	// summary is the text of a compaction, and blob what it says of itself.
	summary []byte
	blob    blobKind
}

// conversation is what was noted of the items, and the history that they become.
type conversation struct {
	list  []item
	parts []part
	// before are the items of earlier responses, told those of instructions, own those of input.
	before, told, own jsonedit.CompactSpan
	earlier           []byte
	// opened counts the bytes of text that came out of blobs.
	opened int

	history history.History
	text    []byte // what is told at the moment
	name    []byte
	system  []byte // the inside of the leading system message
	images  []byte
	// shells finds a local_shell_call's call id by its item id, which its output may name
	// instead, as its id or, once stored, as its call_id.
	shells map[string]string
	// compacted: a summary stands for what came before.
	compacted bool
	// problem is the first thing that is no item.
	problem *hub.Problem
}

func (c *conversation) reset() {
	clear(c.list)
	clear(c.shells)
	*c = conversation{list: c.list[:0], parts: c.parts[:0], earlier: c.earlier[:0], history: c.history, text: c.text[:0], name: c.name[:0], system: c.system[:0],
		images: c.images[:0], shells: c.shells}
	c.history.Reset()
}

// scanItems notes the items of a list that is the Scanner's next value. list is the
// request's member that it stands in, "" for none. At the first that is no item at all
// it stops taking notes.
func (r *translation) scanItems(s *jsonedit.Scanner, src []byte, list string) (l jsonedit.CompactSpan, at jsonedit.Span) {
	at.Start, l.Start = s.Start(), int32(len(r.list))
	for s.BeginArray(); s.NextElement(); {
		if r.problem != nil {
			s.Value()
			continue
		}
		index := elsewhere
		if list != "" {
			index = len(r.list) - int(l.Start)
		}
		r.list = append(r.list, item{src: src, list: list, index: index})
		it := &r.list[len(r.list)-1]
		if r.scanItem(s, it); s.Err() == nil {
			_, r.problem = it.kindName()
		}
	}
	at.End, l.End = s.Pos(), int32(len(r.list))
	return l, at
}

// scanItem notes one item; only src, list and index of it are set.
func (r *translation) scanItem(s *jsonedit.Scanner, it *item) {
	if s.Kind() != jsonedit.Object {
		it.at = s.Value().Compact()
		return
	}
	it.at.Start = int32(s.Start())
	for s.BeginObject(); s.NextMember(); {
		n := itemKey(s.Key())
		switch {
		case n < 0:
			s.Value()
		case n >= itemContent && n <= itemOutput && s.Kind() == jsonedit.Array:
			start, from := s.Start(), len(r.parts)
			r.scanParts(s, it.src)
			it.lists[n-itemContent] = jsonedit.Compact(from, len(r.parts))
			it.fields[n] = jsonedit.Compact(start, s.Pos())
		case n == itemTools && s.Kind() == jsonedit.Array:
			var at jsonedit.Span
			it.tools, at = r.tools.Scan(s, it.src, it.path(".tools"), false)
			it.fields[n] = at.Compact()
		default:
			it.fields[n] = s.NotNull().Compact()
		}
	}
	it.at.End = int32(s.Pos())
}

func (it *item) has(key int) bool { return !it.fields[key].Absent() }

//go:noinline
func (it *item) raw(key int) []byte {
	if v := it.fields[key]; !v.Absent() {
		return v.Of(it.src)
	}
	return nil
}

// word is a member's text where it is a string, nil else.
//
//go:noinline
func (it *item) word(key int) []byte {
	if v := it.raw(key); v != nil && v[0] == '"' {
		return jsonedit.Text(v)
	}
	return nil
}

// path names a place in the item as its user would write it.
func (it *item) path(rest string) string {
	if it.index == elsewhere {
		return "input"
	}
	return it.list + "[" + strconv.Itoa(it.index) + "]" + rest
}

//go:noinline
func (it *item) member(key int) string { return it.path("." + itemNames[key]) }

// inside returns the inside of a member that must be a string.
func (it *item) inside(key int) ([]byte, *hub.Problem) {
	switch v := it.raw(key); {
	case v == nil:
		return nil, hub.Missing(it.member(key))
	case v[0] != '"':
		return nil, hub.WrongType(it.member(key), "a string")
	default:
		return jsonedit.Inside(v), nil
	}
}

// kindName is the item's type: a message where only a role is there, a reference where
// only an id is.
func (it *item) kindName() ([]byte, *hub.Problem) {
	if it.src[it.at.Start] != '{' {
		return nil, hub.WrongType(it.path(""), "an object")
	}
	switch v := it.raw(itemType); {
	case v != nil && v[0] != '"':
		return nil, hub.WrongType(it.member(itemType), "a string")
	case v != nil:
		return jsonedit.Text(v), nil
	case it.has(itemRole):
		return []byte("message"), nil
	case it.has(itemID) && !it.has(itemContent):
		return []byte("item_reference"), nil
	}
	return nil, hub.Missing(it.member(itemType))
}

// gather makes the list of items complete: what is referred to is fetched, summaries
// are opened. It also says whether there is anything to answer, and whether the model
// is asked for a summary.
func (r *translation) gather() *hub.Problem {
	switch v := r.raw(keyInput); {
	case v == nil || v[0] == '[' && r.own.Start == r.own.End:
		// Codex warms up with an empty list where its tools are an item too.
		if r.raw(keyPrevious) == nil && r.raw(keyConversation) == nil && (v == nil || !r.warmsUp()) {
			return hub.Missing("input")
		}
	case v[0] != '"' && v[0] != '[':
		return hub.WrongType("input", "a string or a list of items")
	}
	if v := r.raw(keyInstructions); v != nil && v[0] != '"' && v[0] != '[' {
		return hub.WrongType("instructions", "a string")
	}
	if v := r.raw(keyTools); v != nil && v[0] != '[' {
		return hub.WrongType("tools", "a list")
	}
	n := 0
	for _, l := range [...]jsonedit.CompactSpan{r.told, r.before, r.own} {
		for i := l.Start; i < l.End; i++ {
			if n++; n <= r.origin.gathered {
				continue
			}
			it := &r.list[i]
			if string(it.word(itemType)) == "compaction_trigger" && i == r.own.End-1 && i >= r.own.Start && r.kind != compact {
				r.compacting, r.req.compaction, r.req.blob = true, true, coveringBlob
			}
			if p := r.complete(it); p != nil || r.turn.Need() != nil {
				return p
			}
			r.origin.gathered = n
		}
	}
	if r.kind == compact {
		r.compacting, r.req.compaction, r.req.blob = true, true, keptBlob
	}
	if r.compacting {
		r.turn.Request.NoThinking = true
		r.req.logprobs = false
	}
	return nil
}

// maxItemID is the limit of an item's id in bytes; stores have one too, and it is not lower.
const maxItemID = 512

func (it *item) checkID() *hub.Problem {
	if it.index != elsewhere && len(it.word(itemID)) > maxItemID {
		return hub.WrongValue(it.member(itemID), "at most "+strconv.Itoa(maxItemID)+" bytes are allowed.")
	}
	return nil
}

// complete fetches what an item refers to, and opens a summary.
func (r *translation) complete(it *item) *hub.Problem {
	kind, p := it.kindName()
	if p != nil {
		return p
	}
	if p := it.checkID(); p != nil {
		return p
	}
	if string(kind) == "item_reference" {
		return r.fetch(it)
	}
	return r.open(it)
}

// open opens a summary.
func (r *translation) open(it *item) *hub.Problem {
	kind, p := it.kindName()
	if k, _ := kindOfItem(kind); p == nil && k == summaryItem {
		return r.openSummary(it)
	}
	return nil
}

// tell turns the items into the history.
func (r *translation) tell() *hub.Problem {
	if v := r.raw(keyInstructions); v != nil && v[0] == '"' {
		r.instruct(jsonedit.Inside(v))
	}
	if p := r.tellRun(r.told, r.told.Start); p != nil {
		return p
	}
	if !r.compacting {
		r.describeFormat()
	}
	before, own := r.covered()
	if p := r.tellRun(r.before, before); p != nil {
		return p
	}
	if v := r.raw(keyInput); v != nil && v[0] == '"' {
		r.history.Message("user", v)
	}
	if p := r.tellRun(r.own, own); p != nil {
		return p
	}
	if r.kind == compact {
		r.keep()
	}
	if r.compacting {
		if r.history.Len() == 0 {
			return hub.Missing("input")
		}
		r.history.Message("user", handOver)
	}
	if !r.history.Users() && !r.warmsUp() {
		p := hub.Missing("input")
		p.Message = "There is no message of a user in the input, and the model's template needs one."
		return p
	}
	return nil
}

// tellRun tells a run of items; of those before covered, only what the developer said.
func (r *translation) tellRun(l jsonedit.CompactSpan, covered int32) *hub.Problem {
	for i := l.Start; i < l.End; i++ {
		it := &r.list[i]
		if i < covered {
			if role := it.word(itemRole); string(role) != "system" && string(role) != "developer" {
				continue
			}
		}
		if p := r.tellItem(it); p != nil {
			return p
		}
	}
	return nil
}

// itemKind says what becomes of an item.
type itemKind uint8

const (
	otherItem   itemKind = iota // not known
	droppedItem                 // no part of what the model said or saw
	refusedItem
	messageItem
	reasoningItem
	functionCall
	customCall
	toolSearchCall
	localShellCall
	shellCall
	applyPatchCall
	output
	localShellOutput
	shellOutput
	applyPatchOutput
	toolSearchOutput
	remoteCall
	summaryItem
)

// itemKinds are the types of items, with the beginnings of their ids.
var itemKinds = [...]struct {
	name, prefix string
	kind         itemKind
}{
	{"message", "msg_", messageItem},
	{"reasoning", "rs_", reasoningItem},
	{"function_call", "fc_", functionCall},
	{"function_call_output", "fco_", output},
	{"custom_tool_call", "ctc_", customCall},
	{"custom_tool_call_output", "ctco_", output},
	{"tool_search_call", "tsc_", toolSearchCall},
	{"tool_search_output", "tso_", toolSearchOutput},
	{"additional_tools", "at_", droppedItem}, // its tools are gathered elsewhere
	{"local_shell_call", "lsh_", localShellCall},
	{"local_shell_call_output", "lsho_", localShellOutput},
	{"shell_call", "sh_", shellCall},
	{"shell_call_output", "sho_", shellOutput},
	{"apply_patch_call", "apc_", applyPatchCall},
	{"apply_patch_call_output", "apco_", applyPatchOutput},
	{"compaction", "cmp_", summaryItem},
	{"compaction_summary", "cmp_", summaryItem},
	{"compaction_trigger", "item_", droppedItem},
	{"mcp_call", "mcp_", remoteCall},
	{"mcp_approval_request", "mcpr_", refusedItem},
	{"mcp_approval_response", "mcpr_", refusedItem},
	{"mcp_list_tools", "mcpl_", droppedItem},
	{"web_search_call", "ws_", droppedItem},
	{"file_search_call", "fs_", droppedItem},
	{"code_interpreter_call", "ci_", droppedItem},
	{"image_generation_call", "ig_", droppedItem},
	{"computer_call", "cu_", droppedItem},
	{"computer_call_output", "cuo_", droppedItem},
	{"program", "item_", droppedItem},
	{"program_output", "item_", droppedItem},
}

// kindOfItem finds an item's kind by its type, and the beginning of its ids.
func kindOfItem(name []byte) (itemKind, string) {
	for i := range itemKinds {
		if k := &itemKinds[i]; k.name == string(name) {
			return k.kind, k.prefix
		}
	}
	if bytes.IndexByte(name, ':') > 0 { // another provider's own
		return droppedItem, "item_"
	}
	return otherItem, "item_"
}

func (r *translation) tellItem(it *item) *hub.Problem {
	name, p := it.kindName()
	if p != nil {
		return p
	}
	key := itemCallID
	kind, _ := kindOfItem(name)
	switch kind {
	case messageItem:
		return r.tellMessage(it)
	case reasoningItem:
		r.tellReasoning(it)
	case functionCall:
		if v := it.raw(itemArguments); v != nil && v[0] != '"' && v[0] != '{' {
			return hub.WrongType(it.member(itemArguments), "a string")
		}
		arguments, object := r.object(it, itemArguments)
		return r.tellNamedCall(it, arguments, object)
	case customCall:
		v, p := it.inside(itemInput)
		if p != nil {
			return p
		}
		// {"input":"…"}, as inside a string literal.
		r.text = jsonedit.Put(jsonedit.AppendEscaped(jsonedit.Put(r.text[:0], `{\"input\":\"`), v), `\"}`)
		return r.tellNamedCall(it, r.text, true)
	case toolSearchCall:
		if !it.has(itemCallID) {
			return nil // a server's own search
		}
		arguments, object := r.object(it, itemArguments)
		return r.tellTypedCall(it, key, toolset.ToolSearch, arguments, object)
	case localShellCall:
		if !it.has(itemCallID) {
			key = itemID
		}
		if id, call := it.word(itemID), it.word(key); len(id) > 0 && len(call) > 0 && !bytes.Equal(id, call) {
			if r.shells == nil {
				r.shells = map[string]string{}
			}
			if _, known := r.shells[string(id)]; !known {
				r.shells[string(id)] = string(jsonedit.Inside(it.raw(key)))
			}
		}
		return r.tellTypedCall(it, key, toolset.LocalShell, r.members(it, localShellNames), true)
	case shellCall:
		return r.tellTypedCall(it, key, toolset.Shell, r.members(it, shellNames), true)
	case applyPatchCall:
		r.text = jsonedit.AppendEscaped(jsonedit.Put(r.text[:0], `{\"operation\":`), or(it.raw(itemOperation), "null"))
		return r.tellTypedCall(it, key, toolset.ApplyPatch, append(r.text, '}'), true)
	case output:
		return r.tellOutput(it, key, "")
	case applyPatchOutput:
		before := ""
		if string(it.word(itemStatus)) == "failed" {
			before = "failed"
		} else if !it.has(itemOutput) {
			before = "completed"
		}
		return r.tellOutput(it, key, before)
	case localShellOutput:
		if !it.has(itemCallID) {
			key = itemID
		}
		return r.tellOutput(it, key, "")
	case shellOutput:
		return r.tellShellOutput(it)
	case toolSearchOutput:
		return r.tellFound(it)
	case summaryItem:
		r.compacted = true
		r.text = jsonedit.PutBetween(r.text[:0], `"`+handedOver, it.summary, `"`)
		r.history.Message("user", r.text)
	case remoteCall:
		r.tellRemote(it)
	case refusedItem:
		return hub.UnsupportedValue(it.member(itemType), "MCP servers are not called from here, so there is nothing to approve.")
	case otherItem:
		return hub.WrongValue(it.member(itemType), "the item type "+hub.Quoted(name)+" is not known.")
	}
	return nil
}

// The members of an action that are arguments of the tool that it came from.
var (
	localShellNames = []string{"command", "working_directory", "timeout_ms", "env"}
	shellNames      = []string{"commands", "timeout_ms", "max_output_length"}
)

func (r *translation) tellMessage(it *item) *hub.Problem {
	role := it.word(itemRole)
	switch {
	case !it.has(itemRole):
		return hub.Missing(it.member(itemRole))
	case string(role) == "assistant":
		text, p := r.appendTexts(r.text[:0], it, itemContent, nil)
		if p != nil {
			return p
		}
		r.text = text
		r.history.Text(`\n\n`, text)
		return nil
	case string(role) != "user" && string(role) != "system" && string(role) != "developer":
		return hub.WrongValue(it.member(itemRole), "the roles are user, assistant, system and developer.")
	case !it.has(itemContent):
		return hub.Missing(it.member(itemContent))
	}
	var p *hub.Problem
	if string(role) == "user" {
		if r.text, p = r.appendContent(r.text[:0], it); p == nil {
			r.history.Message("user", r.text)
		}
		return p
	}
	if r.text, p = r.appendTexts(r.text[:0], it, itemContent, nil); p == nil {
		r.instruct(r.text)
	}
	return p
}

// instruct tells a text of the system's or developer's. Those before the conversation
// are one message; where later ones go is the Editor's matter.
func (r *translation) instruct(text []byte) {
	switch {
	case len(text) == 0:
	case r.history.Len() > 0:
		r.name = jsonedit.PutBetween(r.name[:0], `"`, text, `"`)
		r.history.Message("system", r.name)
	default:
		if len(r.system) > 0 {
			r.system = jsonedit.Put(r.system, `\n\n`)
		}
		r.system = jsonedit.PutBytes(r.system, text)
	}
}

// tellReasoning takes the thinking from content, our own encrypted_content or the
// summary, whichever is there first.
func (r *translation) tellReasoning(it *item) {
	text := r.appendThoughts(r.text[:0], it, itemContent)
	if blob := it.word(itemEncrypted); len(text) == 0 && len(blob) > 0 {
		opened, kind, ok := openBlob(nil, blob, maxOpenedText-r.opened, r.turn)
		r.opened += len(opened)
		if ok && kind == reasoningBlob {
			text = jsonedit.AppendEscaped(text, opened)
		} else {
			r.turn.Request.Changes |= hub.ReasoningDropped
		}
	}
	if len(text) == 0 {
		text = r.appendThoughts(text, it, itemSummary)
	}
	r.text = text
	r.history.Reasoning(text)
}

// callID reads and notes the id of a call.
func (r *translation) callID(it *item, key int) ([]byte, *hub.Problem) {
	id, p := it.inside(key)
	if p != nil {
		return nil, p
	}
	if len(id) == 0 {
		return nil, hub.Refuse("empty_string", it.member(key), "Invalid '"+it.member(key)+"': the string is empty.")
	}
	return id, nil
}

// tellNamedCall tells a call of a tool that the client named, under the upstream's name.
func (r *translation) tellNamedCall(it *item, arguments []byte, object bool) *hub.Problem {
	id, p := r.callID(it, itemCallID)
	if p != nil {
		return p
	}
	if _, p = it.inside(itemName); p != nil {
		return p
	}
	if it.has(itemNamespace) {
		if _, p = it.inside(itemNamespace); p != nil {
			return p
		}
	}
	r.turn.UseCallID(jsonedit.Text(it.raw(itemCallID)))
	r.name = jsonedit.AppendEscaped(r.name[:0], r.tools.UpstreamName(it.word(itemNamespace), it.word(itemName)))
	r.call(id, r.name, arguments, object)
	return nil
}

// tellTypedCall tells a call of a tool that has a type instead of a name.
func (r *translation) tellTypedCall(it *item, key int, kind toolset.Kind, arguments []byte, object bool) *hub.Problem {
	id, p := r.callID(it, key)
	if p != nil {
		return p
	}
	r.turn.UseCallID(jsonedit.Text(it.raw(key)))
	r.call(id, r.tools.TypedName(kind), arguments, object)
	return nil
}

// call adds a call; object: its arguments are known to be a JSON object.
func (r *translation) call(id, name, arguments []byte, object bool) {
	if object {
		r.history.CallObject(id, name, arguments)
	} else {
		r.history.Call(id, name, arguments)
	}
}

// object is a member that is an object, or a string that should hold one, as inside a
// literal; known tells that it is one.
func (r *translation) object(it *item, key int) (inner []byte, known bool) {
	switch v := it.raw(key); {
	case v == nil:
		return nil, false // the Editor makes {} of nothing
	case v[0] == '"':
		return jsonedit.Inside(v), false
	default:
		r.text = jsonedit.AppendEscaped(r.text[:0], v)
		return r.text, v[0] == '{'
	}
}

// members is an object with some of an action's members, as inside a literal.
func (r *translation) members(it *item, names []string) []byte {
	r.text = append(r.text[:0], '{')
	if action := it.raw(itemAction); action != nil && action[0] == '{' {
		var v [4][]byte
		r.part.Pick(action, names, v[:])
		for i, name := range names {
			if v[i] == nil {
				continue
			}
			if len(r.text) > 1 {
				r.text = append(r.text, ',')
			}
			r.text = jsonedit.Put(jsonedit.Put(jsonedit.Put(r.text, `\"`), name), `\":`)
			r.text = jsonedit.AppendEscaped(r.text, v[i])
		}
	}
	return append(r.text, '}')
}

// tellOutput tells a tool's result; before stands before its text.
func (r *translation) tellOutput(it *item, key int, before string) *hub.Problem {
	if !it.has(itemOutput) && before == "" {
		if _, p := r.callID(it, key); p != nil {
			return p
		}
		return hub.Missing(it.member(itemOutput))
	}
	r.images = r.images[:0]
	text := jsonedit.Put(r.text[:0], before)
	if before != "" && it.has(itemOutput) {
		text = jsonedit.Put(text, `: `)
	}
	var p *hub.Problem
	if it.has(itemOutput) {
		if text, p = r.appendTexts(text, it, itemOutput, &r.images); p != nil {
			return p
		}
	}
	r.text = text
	return r.result(it, key, text)
}

// orphaned is the place of an output without a call.
const orphaned = "input"

// result gives the result of a call to the history.
func (r *translation) result(it *item, key int, text []byte) *hub.Problem {
	id, p := r.callID(it, key)
	if p != nil {
		return p
	}
	if r.history.Result(id, text, r.images) {
		return nil
	}
	if call, ok := r.shells[string(it.word(key))]; ok && r.history.Result([]byte(call), text, r.images) {
		return nil
	}
	if r.compacted {
		return nil // its call is in the summary
	}
	return hub.Refuse("", orphaned, "No tool call found for the output with "+itemNames[key]+" "+hub.Quoted(it.word(key))+". Send the call before its output.")
}

// tellShellOutput tells what several commands put out and how they ended.
func (r *translation) tellShellOutput(it *item) *hub.Problem {
	v := it.raw(itemOutput)
	switch {
	case v == nil:
		return hub.Missing(it.member(itemOutput))
	case v[0] != '[' && v[0] != '"':
		return hub.WrongType(it.member(itemOutput), "a list")
	}
	r.images = r.images[:0]
	if v[0] == '"' {
		return r.result(it, itemCallID, jsonedit.Inside(v))
	}
	text := r.text[:0]
	l := it.lists[itemOutput-itemContent]
	for i := range r.parts[l.Start:l.End] {
		part := &r.parts[int(l.Start)+i]
		if i > 0 {
			text = jsonedit.Put(text, `\n`)
		}
		for _, key := range [...]int{partStdout, partStderr} {
			if v := part.raw(key, it.src); len(v) > len(`""`) && v[0] == '"' {
				text = jsonedit.PutBytes(text, jsonedit.Inside(v))
				if !bytes.HasSuffix(text, []byte(`\n`)) {
					text = jsonedit.Put(text, `\n`)
				}
			}
		}
		text = r.appendOutcome(text, part.raw(partOutcome, it.src))
	}
	r.text = text
	return r.result(it, itemCallID, text)
}

func (r *translation) appendOutcome(text, outcome []byte) []byte {
	if outcome == nil || outcome[0] != '{' {
		return text
	}
	var v [2][]byte
	r.part.Pick(outcome, outcomeNames, v[:])
	code := v[1]
	switch {
	case string(v[0]) == `"timeout"`:
		return jsonedit.Put(text, "timed out")
	case code != nil && jsonedit.KindOf(code[0]) == jsonedit.Number:
		return jsonedit.PutBetween(text, "exit code ", code, "")
	}
	return text
}

var outcomeNames = []string{"type", "exit_code"}

// tellFound tells the names that a search has found; the tools themselves are offered.
func (r *translation) tellFound(it *item) *hub.Problem {
	if !it.has(itemCallID) {
		return nil // a server's own search
	}
	const found = "These tools can be called now: "
	text := r.tools.AppendNames(jsonedit.Put(r.text[:0], found), it.tools, ", ")
	if len(text) == len(found) {
		text = jsonedit.Put(text[:0], "No tools were found.")
	}
	r.text, r.images = text, r.images[:0]
	return r.result(it, itemCallID, text)
}

// tellRemote notes in the assistant's turn that a server's tool was called, and what it said.
func (r *translation) tellRemote(it *item) {
	output := it.raw(itemOutput)
	if output == nil || output[0] != '"' {
		return
	}
	said := jsonedit.PutBetween(r.text[:0], "(The tool ", nil, "")
	if v := it.raw(itemServer); jsonedit.IsString(v) {
		said = jsonedit.PutBetween(said, "", jsonedit.Inside(v), ".")
	}
	if v := it.raw(itemName); jsonedit.IsString(v) {
		said = jsonedit.PutBetween(said, "", jsonedit.Inside(v), "")
	}
	said = jsonedit.Put(said, " was called")
	if v := it.raw(itemArguments); jsonedit.IsString(v) {
		said = jsonedit.PutBetween(said, " with ", jsonedit.Inside(v), "")
	}
	r.text = jsonedit.PutBetween(said, " and answered: ", jsonedit.Inside(output), ")")
	r.history.Text(`\n\n`, r.text)
}
