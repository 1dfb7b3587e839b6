package hub

// A Change is a set of what was changed in a request.
type Change uint32

const (
	ChangedModel Change = 1 << iota
	ChangedSampling
	ChangedThinking
	SystemMerged
	SystemFolded
	DeveloperRenamed
	ArgumentsRepaired
	ReasoningRenamed
	ToolsNested
	ToolsDropped
	ToolChoiceDropped
	LimitClamped
	DuplicatesDropped
	UsageRequested
	PromptDropped
	FieldsIgnored
	ReasoningDropped
	FieldsDenied
	SafeguardsUnsupported
	ResultsSorted
	ItemsDropped
	FormatInWords
	StopsHeld
	ResultsFilled
	ImagesUnpacked
	ThinkingOffByCap
)

var changeNames = []string{
	"model", "sampling", "thinking",
	"system_merged", "system_folded", "developer_renamed",
	"arguments_repaired", "reasoning_renamed",
	"tools_nested", "tools_dropped", "tool_choice_dropped",
	"limit_clamped", "duplicates_dropped", "usage_requested", "prompt_dropped",
	"fields_ignored", "reasoning_dropped", "fields_denied", "safeguards_unsupported", "results_sorted",
	"items_dropped",
	"format_in_words",
	"stops_held", "results_filled", "images_unpacked",
	"thinking_off_by_cap",
}

// Names lists the set.
func (c Change) Names() []string { return names(uint32(c), changeNames) }

// A Repair is a set of what was mended in a reply.
type Repair uint32

const (
	ReasoningToContent Repair = 1 << iota
	CutCall
	EndedStream
	CallInText
)

var repairNames = []string{"reasoning_to_content", "cut_call", "ended_stream", "call_in_text"}

// Names lists the set.
func (r Repair) Names() []string { return names(uint32(r), repairNames) }

func names(set uint32, all []string) (list []string) {
	for i, name := range all {
		if set&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}
