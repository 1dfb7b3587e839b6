package responses

import (
	"bytes"
	"strconv"

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
	itemReasoning
	itemWords // the member text: an unknown item's text, or the form of answers
	itemKeys
)

var itemNames = [itemKeys]string{"type", "role", "id", "call_id", "name", "namespace", "content", "summary", "output",
	"encrypted_content", "arguments", "input", "action", "operation", "status", "server_label", "tools", "reasoning", "text"}

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
	case "reasoning":
		return itemReasoning
	case "text":
		return itemWords
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
	// repeated: the item stands before in the conversation.
	repeated bool
}

func (it *item) has(key int) bool { return !it.fields[key].Absent() }

// raw is a member's value, nil where it is absent.
//
//go:noinline
func (it *item) raw(key int) []byte { return it.fields[key].Literal(it.src) }

// text is what a member says, nil where it is no string.
//
//go:noinline
func (it *item) text(key int) []byte { return jsonedit.Text(it.raw(key)) }

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

// maxItemID is the limit of an item's id in bytes; stores have one too, and it is not lower.
const maxItemID = 512

func (it *item) checkID() *hub.Problem {
	if it.index != elsewhere && len(it.text(itemID)) > maxItemID {
		return hub.WrongValue(it.member(itemID), "at most "+strconv.Itoa(maxItemID)+" bytes are allowed.")
	}
	return nil
}

// itemKind says what becomes of an item.
type itemKind uint8

const (
	otherItem   itemKind = iota // not known; what can be read of it is a message
	droppedItem                 // no part of what the model said or saw
	foreignItem                 // another provider's own, which is no message whatever it says
	refusedItem
	agentMessage
	configurationUpdate
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
	{"agent_message", "amsg_", agentMessage},
	{"configuration_update", "cfg_", configurationUpdate}, // it is read before the conversation is
	{"additional_tools", "at_", droppedItem},              // its tools are gathered elsewhere
	{"local_shell_call", "lsh_", localShellCall},
	{"local_shell_call_output", "lsho_", localShellOutput},
	{"shell_call", "sh_", shellCall},
	{"shell_call_output", "sho_", shellOutput},
	{"apply_patch_call", "apc_", applyPatchCall},
	{"apply_patch_call_output", "apco_", applyPatchOutput},
	{"compaction", "cmp_", summaryItem},
	{"compaction_summary", "cmp_", summaryItem},
	{"context_compaction", "cmp_", summaryItem},
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
	if isForeign(name) {
		return foreignItem, "item_"
	}
	return otherItem, "item_"
}

// isForeign tells whether a type bears another provider's mark: what it says is no text for a model.
func isForeign(name []byte) bool { return bytes.IndexByte(name, ':') > 0 }
