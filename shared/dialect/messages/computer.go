package messages

import (
	"bytes"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// The computer is a screen, a mouse and a keyboard that the client has. Up to 2025 it is one
// tool whose input names an action; since then it is a toolset, whose members are actions of
// one name each. Names and fields are those of the Anthropic API reference and SDKs.
const (
	computerText = "Use a computer by its screen, mouse and keyboard. Look at a screenshot before you act and after, since what " +
		"you did may take a while or fail; click in the middle of what you mean."

	corners   = `{"type":"array","items":{"type":"integer"},"minItems":`
	point     = corners + `2,"maxItems":2,"description":"[x, y]: pixels from the left and the upper edge."}`
	region    = corners + `4,"maxItems":4,"description":"[x0, y0, x1, y1]: upper left and lower right corner."}`
	keys      = `{"type":"string","description":"Keys by xdotool's names, such as Return or ctrl+s."}`
	heldKeys  = `{"type":"string","description":"Keys that are held meanwhile, such as shift or ctrl."}`
	seconds   = `{"type":"number","description":"Seconds."}`
	direction = `{"type":"string","enum":["up","down","left","right"]}`
	amount    = `{"type":"integer","description":"Clicks of the wheel."}`

	actions2024 = `"key","type","mouse_move","left_click","left_click_drag","right_click","middle_click","double_click",` +
		`"screenshot","cursor_position"`
	actions2025 = actions2024 + `,"left_mouse_down","left_mouse_up","scroll","hold_key","wait","triple_click"`
	actionHead  = properties + `"action":{"type":"string","enum":[`
	actionTail  = `]},"coordinate":` + point + `,"text":{"type":"string","description":"What to type, or keys by xdotool's names, ` +
		`such as Return or ctrl+s; `
	actionEnd  = `},"required":["action"]}`
	fields2025 = `for clicks and scroll, keys that are held meanwhile."},"start_coordinate":` + point +
		`,"scroll_direction":` + direction + `,"scroll_amount":` + amount + `,"duration":` + seconds

	properties = `{"type":"object","properties":{`
	nothing    = properties + `}}`
	pointed    = properties + `"coordinate":` + point + `,"text":` + heldKeys + `}}`
	moved      = properties + `"coordinate":` + point + `},"required":["coordinate"]}`
	dragged    = properties + `"start_coordinate":` + point + `,"coordinate":` + point + `,"text":` + heldKeys +
		`},"required":["start_coordinate","coordinate"]}`
	scrolled = properties + `"scroll_direction":` + direction + `,"scroll_amount":` + amount + `,"coordinate":` + point +
		`,"text":` + heldKeys + `},"required":["scroll_direction","scroll_amount"]}`
	enlarged = properties + `"region":` + region + `},"required":["region"]}`
	typed    = properties + `"text":{"type":"string"}},"required":["text"]}`
	pressed  = properties + `"text":` + keys + `},"required":["text"]}`
	held     = properties + `"text":` + keys + `,"duration":` + seconds + `},"required":["text","duration"]}`
	waited   = properties + `"duration":` + seconds + `},"required":["duration"]}`

	orThere = ", where the pointer is unless a coordinate is given."
)

var (
	computer2024Tool = &clientTool{"computer", computerText,
		actionHead + actions2024 + actionTail + `required by key and type."}` + actionEnd}
	computer2025Tool = &clientTool{"computer", computerText,
		actionHead + actions2025 + actionTail + fields2025 + actionEnd}
	computerZoomTool = &clientTool{"computer", computerText,
		actionHead + actions2025 + `,"zoom"` + actionTail + fields2025 + `,"region":` + region + actionEnd}
)

// computerTool is the tool of a type, whatever date it bears; nil for another kind. zoom: the
// client can enlarge a part of its screen.
func computerTool(kind string, zoom bool) *clientTool {
	switch {
	case !strings.HasPrefix(kind, "computer_20"):
		return nil
	case kind == "computer_20241022":
		return computer2024Tool
	case zoom && kind != "computer_20250124":
		return computerZoomTool
	}
	return computer2025Tool
}

// computerToolset is what calls of the toolset's members name in toolset_name.
const computerToolset = "computer"

// computerMembers are the tools of the toolset.
var computerMembers = [...]clientTool{
	{"screenshot", "Take a screenshot of the screen.", nothing},
	{"zoom", "Take a screenshot of a part of the screen, enlarged.", enlarged},
	{"left_click", "Click the left mouse button" + orThere, pointed},
	{"right_click", "Click the right mouse button" + orThere, pointed},
	{"middle_click", "Click the middle mouse button" + orThere, pointed},
	{"double_click", "Click the left mouse button twice" + orThere, pointed},
	{"triple_click", "Click the left mouse button three times" + orThere, pointed},
	{"left_click_drag", "Drag from one point to another.", dragged},
	{"left_mouse_down", "Press the left mouse button and hold it.", nothing},
	{"left_mouse_up", "Let go of the left mouse button.", nothing},
	{"mouse_move", "Move the pointer without a click.", moved},
	{"cursor_position", "Tell where the pointer is.", nothing},
	{"scroll", "Turn the mouse wheel" + orThere, scrolled},
	{"type", "Type a text.", typed},
	{"key", "Press keys.", pressed},
	{"hold_key", "Hold keys for a while.", held},
	{"wait", "Wait.", waited},
}

// isComputerToolset tells whether a type is that of the toolset, whatever date it bears.
func isComputerToolset(kind []byte) bool { return bytes.HasPrefix(kind, []byte("computer_toolset_20")) }

// isComputerMember tells whether a call is of the toolset.
func isComputerMember(name []byte) bool {
	for i := range computerMembers {
		if computerMembers[i].name == string(name) {
			return true
		}
	}
	return false
}

// appendComputerMembers appends the members of the toolset that its configs don't switch off.
func appendComputerMembers(list []tool, in *input, set *tool) []tool {
	for i := range computerMembers {
		m := &computerMembers[i]
		config := in.member(set.configs, m.name)
		if jsonedit.Is(in.member(config, "enabled"), jsonedit.False) {
			continue
		}
		list = append(list, tool{kind: set.kind, name: jsonedit.AppendQuoted(nil, m.name), client: m, index: set.index,
			deferred: set.deferred || jsonedit.Is(in.member(config, "defer_loading"), jsonedit.True)})
	}
	return list
}
