package hub

import "github.com/qwenvoy/qwenvoy/shared/catalog"

// Settings are what a configuration says to the stages; shared by all exchanges.
type Settings struct {
	Catalog        *catalog.Catalog
	ReasoningField ReasoningField
	// KeepLineFeeds: those between thinking and answer stay in chat replies.
	KeepLineFeeds bool
	LateSystem    LateSystem
	// KeepSmallCaps: a small token limit does not switch thinking off.
	KeepSmallCaps bool
	// RejectTools: a tool that can't be had is a 400; else it is dropped and named in
	// the reply header DroppedToolsHeader.
	RejectTools bool
	// Denied names members of a chat request that clients may not set: they are taken out,
	// and named in the reply header DroppedFieldsHeader.
	Denied []string
	// MaxReply and MaxEvent are the limits, in bytes, of a whole reply and of one event; 0 is none.
	MaxReply, MaxEvent int

	Responses ResponsesSettings
	Messages  MessagesSettings
}

// ResponsesSettings are for the Responses API.
type ResponsesSettings struct {
	// ReasoningEvents says how thinking is shown.
	ReasoningEvents ReasoningEvents
	// DoneMarker: streams end with data: [DONE], as the Open Responses text wants and
	// OpenAI does not.
	DoneMarker bool
	// Key seals encrypted_content where HasKey.
	Key    [32]byte
	HasKey bool
}

// ReasoningEvents is a family of stream events for thinking.
type ReasoningEvents uint8

const (
	// AsAsked: summary events where the client set reasoning.summary, else response.reasoning_text.*.
	AsAsked ReasoningEvents = iota
	// OpenResponses: response.reasoning.delta and .done.
	OpenResponses
	// Summary: response.reasoning_summary_*, whatever the client asked for.
	Summary
)

// MessagesSettings are for the Messages API.
type MessagesSettings struct {
	// ForwardUser: metadata.user_id goes upstream as user.
	ForwardUser bool
	// KeepBilling: the system block x-anthropic-billing-header, whose text changes from
	// prompt to prompt and so defeats prefix caching, stays.
	KeepBilling bool
	// Thinking says who is shown thinking that nobody asked for.
	Thinking ThinkingShown
	// RefuseSafeguards: a request for calls to be judged is a 400; else it is answered that
	// nobody does.
	RefuseSafeguards bool
}

// ThinkingShown says what becomes of thinking where a request of the Messages API says
// nothing of it. Anthropic's API thinks only for those who ask, so that the first block is
// the answer.
type ThinkingShown uint8

const (
	// ShownByProfile: the virtual model's profile decides, and thinking is shown.
	ShownByProfile ThinkingShown = iota
	// ShownAuto: without tools, thinking is off for those who asked by an alias, and left out
	// of the reply for those who asked by a virtual model's own name.
	ShownAuto
	// ShownWhenAsked: thinking is left out of the reply.
	ShownWhenAsked
)

// ModelsTagHeader is the reply header of a response that names the present list of models, as the
// list's own etag does: Codex asks for it again where it has another.
const ModelsTagHeader = "x-models-etag"

// DroppedToolsHeader is the reply header that names the tools which a request offered
// and the model did not get.
const DroppedToolsHeader = "qwenvoy-dropped-tools"

// DroppedItemsHeader is the reply header that names the types of items, and of parts of
// messages, which a request holds and the model did not get.
const DroppedItemsHeader = "qwenvoy-dropped-items"

// DroppedFieldsHeader is the reply header that names the fields of a request that the
// configuration denies its client, and those that its dialect can do nothing with.
const DroppedFieldsHeader = "qwenvoy-dropped-fields"

// FormatHeader is the reply header that says "words" where the form of the answer was asked
// for in words, since the model may call tools.
const FormatHeader = "qwenvoy-format"

// ThinkingHeader is the reply header that says why a request that says nothing of thinking has
// it switched off: OffByCap, its token limit is too small for both thinking and an answer.
const (
	ThinkingHeader = "qwenvoy-thinking"
	OffByCap       = "off;cap"
)

// EstimateHeader is the reply header that names the values which are estimates.
const EstimateHeader = "qwenvoy-estimated"

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
	// ByDialect: fold for Messages, merge for all others.
	ByDialect LateSystem = iota
	// Merge moves them into the leading system message.
	Merge
	// Fold joins them to the turn before, so that the prompt's earlier bytes, and with
	// them the upstream's prefix cache, stay the same.
	Fold
	// Keep leaves them, for templates that take them.
	Keep
)
