package hub

import (
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// A Turn is what the stages of one exchange know of it, apart by who may write it: the
// edge before anything else, the dialect and the editor while they read the request, the
// view and the repairs while they read the reply.
type Turn struct {
	*Settings
	Edge    EdgeFacts
	Request RequestFacts
	Reply   ReplyFacts

	// need is what the edge has to give, then how it goes on.
	need *Need
	then Continuation
	// window is what the edge gave for it, once asked.
	window      int
	windowAsked bool
	// target is the place of the target that the request is turned for.
	target int
	draws
}

// draws are the random bits that ids were made of while the request was read, so that another
// reading of it, for another target, gives it the same ones.
type draws struct {
	recorded  []uint64
	recording bool
	next      int
}

// Record has what is drawn for ids kept, until a reply begins (EndRecord).
func (t *Turn) Record() { t.recording = true }

// EndRecord ends what Record began.
func (t *Turn) EndRecord() { t.recording = false }

// Rewind begins another reading of the request, for the target at a place: the window was another's.
func (t *Turn) Rewind(target int) {
	t.need, t.then, t.window, t.windowAsked, t.target = nil, nil, 0, false, target
	t.next, t.recording = 0, true
}

func (t *Turn) draw() uint64 {
	if !t.recording {
		return t.Edge.Random()
	}
	if t.next == len(t.recorded) {
		t.recorded = append(t.recorded, t.Edge.Random())
	}
	t.next++
	return t.recorded[t.next-1]
}

// EdgeFacts is what the edge hands in when an exchange begins. Nobody writes it later.
type EdgeFacts struct {
	// Now is when the exchange began, in Unix seconds.
	Now int64
	// Clock tells the time in Unix seconds; nil at an edge that has none.
	Clock func() int64
	// Random returns unpredictable bits, for ids that nobody may guess.
	Random func() uint64
	// Keeps: the edge keeps state, and is asked for it.
	Keeps bool
	// Counts: the edge can be asked for a NeedCount.
	Counts bool
	// Window is the upstream's context window in tokens where the edge knows it at once, 0
	// where it has to be asked, NoWindow where it can't know. Turn.Window counts.
	Window int
}

// NoWindow is the window of an edge that can't learn it.
const NoWindow = -1

// NoCap is the token limit of a client that named none.
const NoCap = -1

// RequestFacts is what a dialect and the editor find in the request. The reply's side
// only reads it.
type RequestFacts struct {
	// PathID is what the path names behind its route: a model, of /v1/models/{id}. Query is
	// the path's query as sent. Both are set when the exchange begins.
	PathID, Query string
	// Hints is what the client's agent says of the request, first in its header.
	Hints access.Hints

	// Answer, where a dialect's Request sets it, goes to the client without an upstream being asked.
	Answer *Answer
	// Streamed: the client asked for a stream. Set by translated dialects only.
	Streamed bool
	// NoThinking: the client switched thinking off in its dialect's own words.
	NoThinking bool
	// AsksThinking: the client asked for thinking in its dialect's own words. Cap is the token
	// limit that the client named, where the chat request does not say it; NoCap where that is
	// not the client's.
	AsksThinking bool
	Cap          int
	// PreserveThinking is what the dialect's own words make of the template's argument
	// preserve_thinking, "true" or "false"; "" for nothing.
	PreserveThinking string
	// Told is Given.Told.
	Told func(name, data []byte)
	// SingleCall: of several tool calls only the first is handed on.
	SingleCall bool
	// DroppedTools names the tools that the model did not get.
	DroppedTools Names
	// DroppedItems names the types of items, and of parts of messages, that the model did not get.
	DroppedItems Names
	// DroppedFields names the fields that the configuration denies, and those that the dialect
	// can do nothing with.
	DroppedFields Names
	// ReplyHeader holds header fields for the reply, names in lower case.
	ReplyHeader [][2]string
	// State is what a translated dialect keeps of the request for its reply, and Kept how many
	// bytes of it.
	State any
	Kept  int

	// Name is the model name that the client used, as a JSON string literal; empty if it named none.
	Name []byte
	// Model is the virtual model as its target answers it, nil if the client named none where
	// that is allowed; Virtual is the same with all of its targets.
	Model, Virtual *catalog.Model
	// Thinking is the effective state.
	Thinking bool
	// Limit is the token limit that went upstream, 0 for none.
	Limit int
	// Choices is n.
	Choices int
	// Stops end the answer's text, where the server is not to look for them (repair.Stops);
	// KeepStop: the one that does is shown. MinTokens come before any of them counts.
	Stops     [][]byte
	KeepStop  bool
	MinTokens int
	// Tools: the request names tools, so that a call may come as text (repair.Stops). NoCalls: the
	// model may call none of them.
	Tools, NoCalls bool
	// HideCounts: each chunk's usage was asked for on the gateway's account.
	HideCounts bool
	// HideUsage: usage was asked for on the gateway's account, the client shall not see it.
	HideUsage bool
	// Changes is what was changed in the request.
	Changes Change
}

// ReplyFacts is what is found in the upstream's reply.
type ReplyFacts struct {
	// Finish is what the finish_reason of choice 0 means (FinishWord); FinishSaid is the
	// upstream's own word where that is another.
	Finish, FinishSaid string
	// StopWord is the string that vLLM names in stop_reason, "" for none.
	StopWord string
	HasUsage bool
	Usage    Usage
	// Refused: the answer holds a refusal in words.
	Refused bool
	// Repairs is what was mended in the reply.
	Repairs Repair

	callIDs map[string]struct{}
}

// Usage holds token counts; null and absent ones are 0. An upstream's that can't be are
// made such: none is below 0 or over 2^31-1, so that a sum stays small, and what is a part
// of a count (Cached and Created together of Prompt, Reasoning of Completion) is no more
// than that.
type Usage struct {
	Prompt, Completion, Cached, Reasoning int
	// Created counts tokens written to the prefix cache (created_cache_tokens, vLLM 0.32).
	Created int
}

// Time is the time in Unix seconds, or when the exchange began at an edge without a clock.
func (t *Turn) Time() int64 {
	if t.Edge.Clock == nil {
		return t.Edge.Now
	}
	return t.Edge.Clock()
}

const idLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// AppendID appends prefix and 24 random letters and digits (142 bits).
func (t *Turn) AppendID(dst []byte, prefix string) []byte {
	dst = jsonedit.Put(dst, prefix)
	for n := 0; n < 24; {
		// Ten digits to the base of 64 out of 64 bits, those over 61 thrown away.
		for r, i := t.draw(), 0; i < 10 && n < 24; r, i = r>>6, i+1 {
			if d := r & 63; d < uint64(len(idLetters)) {
				dst = append(dst, idLetters[d])
				n++
			}
		}
	}
	return dst
}

// RequestIDHeader is read by Anthropic's SDKs; they don't know x-request-id.
const RequestIDHeader = "request-id"

// RequestID is the id that a reply to a client of Anthropic's carries, in its header and in
// an error. The first call makes it and puts the field into Request.ReplyHeader.
func (t *Turn) RequestID() string {
	for _, h := range t.Request.ReplyHeader {
		if h[0] == RequestIDHeader {
			return h[1]
		}
	}
	id := string(t.AppendID(nil, "req_"))
	t.Request.ReplyHeader = append(t.Request.ReplyHeader, [2]string{RequestIDHeader, id})
	return id
}

// UseCallID notes a tool call's id and tells whether it is the first of its kind in
// this exchange. Clients match results to calls by it, and drop what repeats one.
func (t *Turn) UseCallID(id []byte) bool {
	if _, used := t.Reply.callIDs[string(id)]; used {
		return false
	}
	if t.Reply.callIDs == nil {
		t.Reply.callIDs = map[string]struct{}{}
	}
	t.Reply.callIDs[string(id)] = struct{}{}
	return true
}
