package responses

import (
	"bytes"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/dialect/responses/toolset"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// writer writes a turn as a response object, and as the events that lead to it where
// the client asked for a stream. Each part is an output item of its own.
type writer struct {
	kind kind
	t    *hub.Turn
	r    *request
	// events: the client gets a stream; else nothing but the object at the end.
	events   bool
	sequence int

	// items are the finished items, with commas between; count is how many.
	items []byte
	count int
	// places are where they stand, for an edge that keeps the response.
	places []itemPlace

	// start is where the event that is being written begins.
	start int

	item outputItem // that is open

	// problem is why there is no object.
	problem *hub.Problem
}

var _ parts.Writer = (*writer)(nil)

// itemPlace is where an item stands among the finished ones.
type itemPlace struct {
	id         string
	start, end int
}

func newWriter(k kind, t *hub.Turn, events bool) *writer {
	return &writer{kind: k, t: t, r: t.Request.State.(*request), events: events}
}

// Begin implements parts.Writer.
func (w *writer) Begin(dst []byte) []byte {
	if !w.events {
		return dst
	}
	if w.r.background {
		dst = w.responseEvent(dst, "created", queued, nil)
		dst = w.responseEvent(dst, "queued", queued, nil)
	} else {
		dst = w.responseEvent(dst, "created", inProgress, nil)
	}
	return w.responseEvent(dst, "in_progress", inProgress, nil)
}

// Beat implements parts.Writer. A comment keeps proxies from giving the connection up,
// but only an event resets the idle timer of Codex; this one is valid in all schemas.
func (w *writer) Beat(dst []byte, n int) []byte {
	if n%4 != 0 {
		return jsonedit.Put(dst, ": keep-alive\n\n")
	}
	return w.responseEvent(dst, "in_progress", inProgress, nil)
}

// Offered implements parts.Writer.
func (w *writer) Offered(name []byte) bool {
	_, known := w.r.tools.Find(name)
	return known
}

// Accept implements parts.Writer.
func (w *writer) Accept(name []byte) bool { return !w.r.compaction && w.r.tools.Accept(name) }

// Open implements parts.Writer.
func (w *writer) Open(dst []byte, p *parts.Part) []byte {
	if w.r.compaction {
		return dst // all text is the summary
	}
	w.item.form = w.formOf(p)
	w.item.text, w.item.logprobs = w.item.text[:0], w.item.logprobs[:0]
	dst = w.begin(dst, p)
	switch {
	case !w.events || w.item.form.silent:
	case w.item.form.part != "":
		dst = w.event(dst, w.item.form.part, ".added")
		dst = jsonedit.Put(jsonedit.PutBytes(dst, w.item.place), `,"part":`)
		dst = w.item.appendPart(dst, nil, nil)
		dst = w.send(dst)
	}
	return dst
}

// formOf is the form of a part, and sets the item's tool where that is a call.
func (w *writer) formOf(p *parts.Part) *form {
	switch p.Kind {
	case parts.Text:
		return &textForm
	case parts.Refusal:
		return &refusalForm
	case parts.Reasoning:
		switch {
		case w.r.summary || w.t.Responses.ReasoningEvents == hub.Summary:
			return &summaryForm
		case w.t.Responses.ReasoningEvents == hub.OpenResponses:
			return &openReasoningForm
		}
		return &reasoningForm
	}
	tool, ok := w.r.tools.Find(p.Name)
	if !ok {
		// The model made it up. It is the client that tells the model so.
		tool.Name = jsonedit.AppendEscaped(nil, p.Name)
	}
	w.item.tool = tool
	switch tool.Kind {
	case toolset.Custom:
		w.item.input.reset()
		w.item.input.pair.tool = tool
		return &customForm
	case toolset.ToolSearch:
		return &searchForm
	case toolset.LocalShell:
		return &localShellForm
	case toolset.Shell:
		return &shellForm
	case toolset.ApplyPatch:
		return &patchForm
	}
	return &functionForm
}

// begin opens an item of w.item.form.
func (w *writer) begin(dst []byte, p *parts.Part) []byte {
	w.item.begin(w.r.id, w.count)
	if w.events && !w.item.form.silent {
		dst = w.itemAdded(dst, p)
	}
	return dst
}

// Delta implements parts.Writer.
func (w *writer) Delta(dst []byte, p *parts.Part, text, logprobs []byte) []byte {
	switch {
	case w.r.compaction:
		if p.Kind == parts.Text {
			w.item.text = jsonedit.PutBytes(w.item.text, text)
		}
		return dst
	case w.item.form == &customForm:
		if text = w.item.input.next(text); len(text) == 0 {
			return dst
		}
	}
	if !w.r.logprobs || w.item.form != &textForm {
		logprobs = nil
	}
	return w.delta(dst, text, logprobs)
}

func (w *writer) delta(dst, text, logprobs []byte) []byte {
	w.item.text = jsonedit.PutBytes(w.item.text, text)
	if logprobs != nil {
		logprobs = w.item.addLogprobs(logprobs)
	}
	if !w.events || w.item.form.silent {
		return dst
	}
	dst = w.event(dst, w.item.form.delta, ".delta")
	dst = jsonedit.Put(jsonedit.PutBytes(dst, w.item.place), `,"delta":"`)
	dst = append(jsonedit.PutBytes(dst, text), '"')
	if w.item.form == &textForm {
		dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"logprobs":[`), logprobs), ']')
	}
	return w.send(dst)
}

// Close implements parts.Writer.
func (w *writer) Close(dst []byte, p *parts.Part) []byte {
	if w.r.compaction {
		return dst
	}
	cut := p.Cut && p.Last // an item before another is never called incomplete
	switch w.item.form {
	case &functionForm:
		if !cut && isBlank(w.item.text) {
			dst = w.delta(dst, []byte("{}"), nil) // a call without arguments
		}
	case &customForm:
		if rest := w.item.input.end(cut); len(rest) > 0 {
			dst = w.delta(dst, rest, nil)
		}
	}
	if w.events && !w.item.form.silent {
		dst = w.event(dst, w.item.form.delta, ".done")
		dst = jsonedit.PutBytes(dst, w.item.place)
		if w.item.form == &functionForm {
			dst = append(jsonedit.PutBytes(jsonedit.Put(dst, `,"name":"`), w.item.tool.Name), '"')
		}
		dst = w.item.appendText(dst, w.item.text, w.item.logprobs)
		dst = w.send(dst)
		if w.item.form.part != "" {
			dst = w.event(dst, w.item.form.part, ".done")
			dst = jsonedit.Put(jsonedit.PutBytes(dst, w.item.place), `,"part":`)
			dst = w.item.appendPart(dst, w.item.text, w.item.logprobs)
			dst = w.send(dst)
		}
	}
	w.item.blob = w.item.blob[:0]
	if p.Kind == parts.Reasoning && w.r.sealed {
		w.item.blob, _ = appendSealed(w.item.blob, reasoningBlob, w.item.text, w.t) // none for a text over the limit
	}
	status := completed
	if cut {
		status = incomplete
	}
	return w.end(dst, p, status)
}

// end closes the item.
func (w *writer) end(dst []byte, p *parts.Part, status string) []byte {
	if w.count > 0 {
		w.items = append(w.items, ',')
	}
	start := len(w.items)
	w.items = w.item.append(w.items, p, status)
	if w.t.Edge.Keeps {
		w.places = append(w.places, itemPlace{string(w.item.id), start, len(w.items)})
	}
	if item := w.items[start:]; w.events {
		if w.item.form.silent {
			// It has no deltas, so it may begin when all of it is known.
			dst = w.itemAdded(dst, p)
		}
		dst = w.send(jsonedit.PutBytes(w.itemEvent(dst, ".done"), item))
	}
	w.count++
	return dst
}

// Finish implements parts.Writer.
func (w *writer) Finish(dst []byte) []byte {
	if w.r.compaction {
		if isBlank(w.item.text) {
			return w.Fail(dst, nil, hub.BadUpstream("The model server gave no summary of the conversation."))
		}
		w.item.form = &compactionForm
		var ok bool
		if w.item.blob, ok = appendSealed(w.item.blob[:0], w.r.blob, w.item.text, w.t); !ok {
			return w.Fail(dst, nil, hub.BadUpstream("The model server's summary of the conversation is too long."))
		}
		dst = w.end(w.begin(dst, nil), nil, completed)
	}
	if w.kind == compact {
		return w.appendCompacted(dst)
	}
	return w.terminal(dst, w.status(), nil)
}

// status is what the turn's finish_reason makes of the response.
func (w *writer) status() string {
	if w.t.Reply.Finish == "length" || w.t.Reply.Finish == "content_filter" {
		return incomplete
	}
	return completed
}

// Fail implements parts.Writer.
func (w *writer) Fail(dst []byte, open *parts.Part, p *hub.Problem) []byte {
	if !w.events {
		w.problem = p
		return dst
	}
	if open != nil {
		dst = w.Close(dst, open)
	}
	return w.terminal(dst, failed, p)
}

// terminal ends the turn with the last event, or with the object that is all of a reply.
// An edge that keeps state keeps the response before the client hears of its end, which
// then can go on from it.
func (w *writer) terminal(dst []byte, status string, p *hub.Problem) []byte {
	ready := len(dst)
	if w.events {
		dst = jsonedit.Put(w.event(dst, status, ""), `,"response":`)
	}
	object := len(dst)
	dst = w.appendResponse(dst, status, p)
	if !w.t.Edge.Keeps || w.kind != create {
		return w.last(dst)
	}
	need := hub.Need{Kind: hub.NeedKeep, Object: dst[object:], Ready: ready, Header: w.t.Request.ReplyHeader, Response: w.response(status)}
	w.t.Ask(need, func(dst []byte, g hub.Given) ([]byte, *hub.Problem) {
		if w.r.stored && !g.Stored {
			w.r.unstored()
			dst = w.appendResponse(dst[:object], status, p)
		}
		return w.last(dst), nil
	})
	return dst
}

// last ends the last event, and with it the stream.
func (w *writer) last(dst []byte) []byte {
	if !w.events {
		return dst
	}
	dst = w.send(dst)
	if w.t.Responses.DoneMarker {
		dst = jsonedit.Put(dst, "data: [DONE]\n\n")
	}
	return dst
}

// response says what stands in the response object.
func (w *writer) response(status string) hub.Response {
	r := hub.Response{ID: string(w.r.id), Status: status, Stored: w.r.stored}
	for _, p := range w.places {
		r.Output = append(r.Output, hub.Item{ID: p.id, JSON: w.items[p.start:p.end]})
	}
	return r
}

// event begins an event of the name response.<family><what>, up to its first fields.
func (w *writer) event(dst []byte, family, what string) []byte {
	w.start = len(dst)
	dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, "event: response."), family), what)
	dst = jsonedit.Put(jsonedit.Put(jsonedit.Put(dst, "\ndata: {\"type\":\"response."), family), what)
	dst = strconv.AppendInt(jsonedit.Put(dst, `","sequence_number":`), int64(w.sequence), 10)
	w.sequence++
	return dst
}

// send ends an event, and tells it to who listens.
func (w *writer) send(dst []byte) []byte {
	dst = append(dst, '}')
	if told := w.t.Request.Told; told != nil {
		name, data, _ := bytes.Cut(dst[w.start+len("event: "):], []byte("\ndata: "))
		told(name, data)
	}
	return jsonedit.Put(dst, "\n\n")
}

func (w *writer) responseEvent(dst []byte, name, status string, p *hub.Problem) []byte {
	dst = jsonedit.Put(w.event(dst, name, ""), `,"response":`)
	return w.send(w.appendResponse(dst, status, p))
}

func (w *writer) itemEvent(dst []byte, what string) []byte {
	dst = jsonedit.Put(w.event(dst, "output_item", what), `,"output_index":`)
	return jsonedit.Put(strconv.AppendInt(dst, int64(w.count), 10), `,"item":`)
}

func (w *writer) itemAdded(dst []byte, p *parts.Part) []byte {
	return w.send(w.item.append(w.itemEvent(dst, ".added"), p, inProgress))
}
