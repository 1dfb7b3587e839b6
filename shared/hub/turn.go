package hub

import (
	"github.com/qwenvoy/qwenvoy/shared/catalog"
)

// Settings are what a configuration says to the stages; shared by all exchanges.
type Settings struct {
	Catalog         *catalog.Catalog
	EnforceSampling bool
	ReasoningField  ReasoningField
	LateSystem      LateSystem
}

// ReasoningField says which field the client reads reasoning from.
type ReasoningField uint8

const (
	BothFields ReasoningField = iota
	OnlyReasoning
	OnlyReasoningContent
)

// LateSystem says what becomes of system messages after the first user or assistant message.
type LateSystem uint8

const (
	// Merge moves them into the leading system message.
	Merge LateSystem = iota
	// Fold joins them to the turn before, so that the prompt's earlier bytes, and with
	// them the upstream's prefix cache, stay the same.
	Fold
	// Keep leaves them, for templates that take them.
	Keep
)

// A Turn is what the stages of one exchange know of it.
type Turn struct {
	*Settings

	// From the request:

	// Name is the model name that the client used, as a JSON string literal; empty if it named none.
	Name []byte
	// Model is the virtual model, nil if the client named none where that is allowed.
	Model *catalog.Model
	// Thinking is the effective state.
	Thinking bool
	// Limit is the token limit that went upstream, 0 for none.
	Limit int
	// Choices is n.
	Choices int
	// HideUsage: usage was asked for on the gateway's account, the client shall not see it.
	HideUsage bool
	// Window is the upstream's context window in tokens, 0 when unknown. It may ask the
	// upstream, so it is called only where the answer matters.
	Window func() int

	// From the reply:

	// Finish is the finish_reason of choice 0.
	Finish   string
	HasUsage bool
	Usage    Usage

	Changes Change
	Repairs Repair
}

// Usage holds token counts; null and absent ones are 0.
type Usage struct {
	Prompt, Completion, Cached, Reasoning int
}

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
)

var changeNames = []string{"model", "sampling", "thinking", "system_merged", "system_folded", "developer_renamed", "arguments_repaired",
	"reasoning_renamed", "tools_nested", "tools_dropped", "tool_choice_dropped", "limit_clamped", "duplicates_dropped", "usage_requested", "prompt_dropped"}

// Names lists the set.
func (c Change) Names() []string { return names(uint32(c), changeNames) }

// A Repair is a set of what was mended in a reply.
type Repair uint32

const (
	ReasoningToContent Repair = 1 << iota
	CutCall
	EndedStream
)

var repairNames = []string{"reasoning_to_content", "cut_call", "ended_stream"}

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
